// What the page knows, live: one feed for each stream it has joined.

import type { Alert, FleetSnapshot, SiteSnapshot } from '../api/types.ts';
import { clock } from './clock.svelte.ts';
import { FROZEN_MS, isLost, type Link } from './freshness.ts';
import type { Message, Scope } from './protocol.ts';
import { apply } from './reduce.ts';
import { transport, type Transport } from './transport.ts';

export class Feed<T extends object> {
  data = $state.raw<T | null>(null);
  link = $state<Link>('connecting');
  /** When the last event came, this computer's clock; 0 if none did. */
  lastAt = $state(0);
  /** Since when a silence counts: a page that was hidden starts anew. */
  #since = $state(Date.now());

  constructor(readonly scope: Scope) {}

  get #silent(): number {
    return clock.local - Math.max(this.lastAt, this.#since);
  }

  /** The hub is out of reach, and the page says so. */
  get lost(): boolean {
    return isLost(this.link, this.#silent);
  }

  /** It has been for so long that nothing here is fresh. */
  get frozen(): boolean {
    return this.lost && this.#silent > FROZEN_MS;
  }

  take({ at, event }: Message): void {
    if (event.type !== 'link') this.lastAt = Math.max(this.lastAt, at);
    switch (event.type) {
      case 'link':
        if (this.link === 'paused') this.#since = Date.now();
        this.link = event.link;
        break;
      case 'snapshot':
        this.data = event.data as T;
        break;
      case 'delta':
        if (this.data) this.data = apply(this.data, event.t);
        break;
    }
  }
}

class Live {
  #feeds = new Map<Scope, { feed: Feed<object>; readers: number }>();
  #transport: Transport | null = null;
  #build: string | null = null;
  #listeners = new Set<(alert: Alert) => void>();
  /** The hub runs another build than the one that this page came from. */
  outdated = $state(false);

  start(): void {
    this.#transport = transport((message) => this.#take(message));
    // A page that the browser keeps for its back button must not hold a stream.
    window.addEventListener('pagehide', () => this.#transport?.ask({ type: 'bye' }));
    window.addEventListener('pageshow', (event) => {
      if (!event.persisted) return;
      this.#transport?.ask({ type: 'visible', visible: !document.hidden });
      for (const scope of this.#feeds.keys()) this.#transport?.ask({ type: 'join', scope });
    });
  }

  /** Tries every broken stream at once. */
  nudge(): void {
    this.#transport?.ask({ type: 'nudge' });
  }

  get shared(): boolean {
    return this.#transport?.shared ?? false;
  }

  fleet(): Feed<FleetSnapshot> {
    return this.#join('fleet') as Feed<FleetSnapshot>;
  }

  site(id: string): Feed<SiteSnapshot> {
    return this.#join(`site:${id}`) as Feed<SiteSnapshot>;
  }

  leave(feed: Feed<never> | Feed<FleetSnapshot> | Feed<SiteSnapshot>): void {
    const entry = this.#feeds.get(feed.scope);
    if (!entry || --entry.readers > 0) return;
    this.#feeds.delete(feed.scope);
    this.#transport?.ask({ type: 'leave', scope: feed.scope });
  }

  /** Tells of each alert that is raised or changed; answers with how to stop. */
  onAlert(listener: (alert: Alert) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #join(scope: Scope): Feed<object> {
    let entry = this.#feeds.get(scope);
    if (!entry) {
      entry = { feed: new Feed(scope), readers: 0 };
      this.#feeds.set(scope, entry);
      this.#transport?.ask({ type: 'join', scope });
    }
    entry.readers += 1;
    return entry.feed;
  }

  #take(message: Message): void {
    const { event, at, scope } = message;
    if ('server_time' in event) clock.sync(event.server_time, at);
    if (event.type === 'hello') {
      this.outdated ||= this.#build !== null && this.#build !== event.build;
      this.#build ??= event.build;
    }
    this.#feeds.get(scope)?.feed.take(message);
    if (event.type === 'alert') for (const listener of this.#listeners) listener(event.alert);
  }
}

export const live = new Live();
