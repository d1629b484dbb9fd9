import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SILENT_MS } from './freshness.ts';
import type { Message } from './protocol.ts';
import { Switchboard } from './switchboard.ts';

/** A stream whose server is the test. */
class Stream extends EventTarget {
  static all: Stream[] = [];
  static get open(): Stream[] {
    return Stream.all.filter((stream) => !stream.closed);
  }
  closed = false;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  close() {
    this.closed = true;
  }
  send(type: string, data: object, lastEventId = '') {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId }));
  }
  snapshot(rev: number, waiting: number) {
    this.send('snapshot', { rev, server_time: 't', data: { sites: [{ id: 'a', waiting }] } }, String(rev));
  }
}

let switchboard: Switchboard;
function page() {
  const got: Message[] = [];
  return { got, ask: switchboard.connect((message) => got.push(message)) };
}
const kinds = (got: Message[]) => got.map(({ event }) => (event.type === 'link' ? event.link : event.type));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Stream);
  Stream.all = [];
  switchboard = new Switchboard();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('one connection for all pages', () => {
  it('gives a later page what the first has: the latest state, not the first snapshot', () => {
    const first = page();
    first.ask({ type: 'join', scope: 'fleet' });
    const [stream] = Stream.all;
    stream?.send('hello', { rev: 1, server_time: 't', build: 'b' });
    stream?.snapshot(1, 0);
    stream?.send('delta', { rev: 2, server_time: 't', t: [['sites/a', 'waiting', 7]] }, '2');
    const second = page();
    second.ask({ type: 'join', scope: 'fleet' });
    expect(Stream.open).toHaveLength(1);
    expect(kinds(second.got)).toEqual(['live', 'hello', 'snapshot']);
    expect(second.got.at(-1)?.event).toMatchObject({ rev: 2, data: { sites: [{ id: 'a', waiting: 7 }] } });
  });

  it('lets go when no page that wants it is looked at, and resumes where it was', () => {
    const { ask } = page();
    ask({ type: 'join', scope: 'site:a' });
    Stream.all[0]?.snapshot(41, 0);
    ask({ type: 'visible', visible: false });
    expect(Stream.open).toHaveLength(0);
    ask({ type: 'visible', visible: true });
    expect(Stream.open.map(({ url }) => new URL(url, 'http://x').searchParams.get('last_event_id'))).toEqual(['41']);
  });

  it('is closed for good when the last page leaves', () => {
    const { ask } = page();
    ask({ type: 'join', scope: 'fleet' });
    ask({ type: 'leave', scope: 'fleet' });
    vi.advanceTimersByTime(600_000);
    expect(Stream.open).toHaveLength(0);
    expect(Stream.all).toHaveLength(1);
  });
});

describe('a broken connection', () => {
  it('is tried again later each time, and at once on a nudge', () => {
    const { ask, got } = page();
    ask({ type: 'join', scope: 'fleet' });
    Stream.all[0]?.onerror?.();
    expect(kinds(got)).toEqual(['connecting', 'broken']);
    vi.advanceTimersByTime(1000);
    expect(Stream.all).toHaveLength(2);
    Stream.all[1]?.onerror?.();
    vi.advanceTimersByTime(1000);
    expect(Stream.all).toHaveLength(2);
    ask({ type: 'nudge' });
    expect(Stream.all).toHaveLength(3);
  });

  it('that only falls silent is broken too', () => {
    const { ask, got } = page();
    ask({ type: 'join', scope: 'fleet' });
    Stream.all[0]?.snapshot(1, 0);
    vi.advanceTimersByTime(SILENT_MS);
    expect(kinds(got).at(-1)).toBe('broken');
    expect(Stream.open).toHaveLength(0);
  });

  it('is not broken while the clock ticks', () => {
    const { ask, got } = page();
    ask({ type: 'join', scope: 'fleet' });
    for (let tick = 0; tick < 6; tick += 1) {
      vi.advanceTimersByTime(10_000);
      Stream.all[0]?.send('clock', { server_time: 't' });
    }
    expect(kinds(got)).not.toContain('broken');
  });
});
