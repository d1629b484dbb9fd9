// One stream of the hub: opened, watched, opened again. Never gives up.

import { retryDelay } from './backoff.ts';
import { SILENT_MS, type Link } from './freshness.ts';
import { EVENTS, type Event, type Scope } from './protocol.ts';

export class Connection {
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #lastId = '';
  #link: Link = 'paused';

  constructor(
    private readonly scope: Scope,
    private readonly emit: (event: Event) => void,
  ) {}

  get link(): Link {
    return this.#link;
  }

  open(): void {
    if (this.#link === 'paused') this.#connect();
  }

  /** Lets go of the stream; the next `open` resumes where it was. */
  pause(): void {
    this.#drop();
    this.#failures = 0;
    this.#say('paused');
  }

  /** Tries at once instead of waiting for the next turn. */
  nudge(): void {
    if (this.#link === 'broken') this.#connect();
  }

  #connect(): void {
    this.#drop();
    this.#say('connecting');
    const query = new URLSearchParams({ scope: this.scope });
    if (this.#lastId) query.set('last_event_id', this.#lastId);
    const source = new EventSource(`/api/v1/stream?${query}`);
    this.#source = source;
    for (const type of EVENTS) source.addEventListener(type, (message) => this.#take(type, message as MessageEvent));
    source.onerror = () => this.#fail();
    this.#watch();
  }

  #take(type: (typeof EVENTS)[number], message: MessageEvent): void {
    const event = { type, ...JSON.parse(message.data as string) } as Event;
    if (message.lastEventId) this.#lastId = message.lastEventId;
    this.#failures = 0;
    this.#say('live');
    this.#watch();
    this.emit(event);
  }

  /** The browser's own reconnecting is not used: its pause is unknown and it stops at a refused answer. */
  #fail(): void {
    this.#drop();
    this.#failures += 1;
    this.#say('broken');
    this.#timer = setTimeout(() => this.#connect(), retryDelay(this.#failures, Math.random()));
  }

  /** Half-open connections raise no error: a silence does. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(), SILENT_MS);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #say(link: Link): void {
    if (link === this.#link) return;
    this.#link = link;
    this.emit({ type: 'link', link });
  }
}
