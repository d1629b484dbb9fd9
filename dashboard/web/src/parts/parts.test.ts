// @vitest-environment happy-dom
import { flushSync, mount, unmount, type Component } from 'svelte';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Unit } from '../api/types.ts';
import { i18n } from '../i18n/i18n.svelte.ts';
import type { Now } from '../i18n/tile-text.ts';
import { alerts } from '../state/alerts.svelte.ts';
import { NOW, SHANGHAI, alert, lane, slot, zone } from '../test/fixtures.ts';
import AlertRow from './AlertRow.svelte';
import LaneCard from './site/LaneCard.svelte';
import ZoneCard from './site/ZoneCard.svelte';

const now: Now = { now: NOW, zone: SHANGHAI, frozenAt: null };
const unit: Unit = {
  id: 'gate-1', state: 'online', contact_at: new Date(NOW - 2000).toISOString(), data_at: null, interval_s: 10,
  waiting: 1204, catching_up: false, clock: 'synced', version: '1', lanes: ['people'], zones: [], faults: [], lost: 0, logs: [],
};

let mounted: object[] = [];
function show<Props extends Record<string, unknown>>(component: Component<Props>, props: Props): HTMLElement {
  const target = document.createElement('div');
  document.body.append(target);
  mounted.push(mount(component, { target, props }));
  flushSync();
  return target;
}
const words = (element: Element | null) => element?.textContent?.replace(/\s+/g, ' ').trim() ?? '';

beforeAll(() => i18n.start('?lang=zh-CN'));
afterEach(() => {
  for (const component of mounted) void unmount(component);
  mounted = [];
  document.body.replaceChildren();
  alerts.answers.clear();
  vi.unstubAllGlobals();
});

describe('a lane', () => {
  const card = (rest: object, at: Now = now) =>
    show(LaneCard, { lane: { ...lane('people'), in: 868, out: 487, ...rest }, units: [unit], first: 0, now: at });
  const values = (element: HTMLElement) => [...element.querySelectorAll('.value')].map(words);

  it('shows its counts with their age', () => {
    const element = card({});
    expect(values(element)).toEqual(['868', '487']);
    expect(words(element.querySelector('.age'))).toBe('2 秒前');
  });
  it('offline has no value of now, only the last known', () => {
    const element = card({ state: 'offline', state_since: new Date(NOW - 2_580_000).toISOString() });
    expect(values(element)).toEqual(['—', '—']);
    expect(words(element)).toContain('最后所知进 868 出 487');
    expect(words(element.querySelector('.age'))).toBe('离线 · 今天 13:22 起');
  });
  it('never seen has no number at all', () => {
    expect(words(card({ state: 'no_data_yet' }))).not.toContain('868');
    expect(words(card({ state: 'empty' }))).toBe('人行通道 未安装传感器');
  });
  it('catching up says how much and up to when', () => {
    const element = card({ catching_up: true, as_of: '2026-06-24T04:48:00Z' });
    expect(words(element.querySelector('.age'))).toBe('补传中 1,204 条');
    expect(words(element)).toContain('截至 12:48');
  });
  it('looks stale on a frozen page', () => {
    const element = card({}, { ...now, frozenAt: NOW - 90_000 });
    expect(element.querySelector('article')?.className).toContain('card--stale');
    expect(words(element.querySelector('.age'))).toBe('数据未更新 · 停留在 14:03:48');
  });
});

describe('a zone', () => {
  const missed = slot('living', 1, '08:00', '11:00', 'missed');
  it('marks a missed round until somebody has it in hand', () => {
    const mark = (state: 'raised' | 'acknowledged') => show(ZoneCard, {
      zone: zone('living', [missed]), now,
      alerts: [alert(1, 'major', { kind: 'missed_round', state, subject: { zone: 'living', id: missed.id } })],
    }).querySelector('.mark');
    expect(mark('raised')?.classList.contains('is-acked')).toBe(false);
    expect(mark('acknowledged')?.classList.contains('is-acked')).toBe(true);
    expect(mark('raised')?.getAttribute('aria-label')).toBe('漏消毒');
  });
  it('that the site does not use says so and nothing else', () => {
    expect(words(show(ZoneCard, { zone: zone('living', [missed], { used: false }), alerts: [], now }))).toBe('生活区 本场所未启用此区');
  });
});

describe('acknowledging', () => {
  const row = (id: number) => show(AlertRow, { alert: alert(id, 'major'), place: { time_zone: SHANGHAI }, now: NOW });
  const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status });

  it('sends the version seen, waits visibly, then shows who has it', async () => {
    let reply = (_: Response) => undefined as void;
    const fetched = vi.fn((_url: string, _init: RequestInit) => new Promise<Response>((resolve) => (reply = resolve)));
    vi.stubGlobal('fetch', fetched);
    const element = row(21);
    element.querySelector('button')?.click();
    flushSync();
    expect(words(element.querySelector('button'))).toBe('接警中…');
    expect(element.querySelector('button')?.disabled).toBe(true);
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/alerts/21/acknowledge');
    expect(JSON.parse(String(fetched.mock.calls[0]?.[1].body))).toEqual({ version: 1 });
    reply(answer(200, alert(21, 'major', { state: 'acknowledged', version: 2 })));
    await vi.waitFor(() => expect(alerts.answers.has(21)).toBe(false));
    expect(alerts.newest(alert(21, 'major')).state).toBe('acknowledged');
  });
  it('that fails says why, and can be tried again', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('refused')));
    const element = row(22);
    element.querySelector('button')?.click();
    await vi.waitFor(() => expect(words(element.querySelector('[role=alert]'))).toBe('接警没有成功：连不上服务器'));
    expect(element.querySelector('button')?.disabled).toBe(false);
  });
  it('that came second shows how it stands now', async () => {
    const theirs = alert(23, 'major', { state: 'acknowledged', acknowledged_by: '李伟', version: 3 });
    vi.stubGlobal('fetch', () => Promise.resolve(answer(409, { code: 'conflict', title: '', alert: theirs })));
    row(23).querySelector('button')?.click();
    await vi.waitFor(() => expect(alerts.newest(alert(23, 'major')).acknowledged_by).toBe('李伟'));
  });
});
