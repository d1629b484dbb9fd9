// The open alerts of all sites, and answering them.

import { SvelteMap } from 'svelte/reactivity';
import { ApiError, acknowledge, change, oneAlert, openAlerts } from '../api/client.ts';
import type { Alert } from '../api/types.ts';
import { request, type Act, type Said } from './act.ts';
import { live } from './live.svelte.ts';
import { Once } from './once.ts';

/** What became of an answer: under way, or why it was not taken. */
export type Answer = { state: 'pending' } | { state: 'failed'; code: string };

class Alerts {
  /** By id; `null` before the first answer of the hub. */
  open = $state.raw<ReadonlyMap<number, Alert> | null>(null);
  /** The list could not be read: the problem's code. */
  failed = $state<string | null>(null);
  answers = new SvelteMap<number, Answer>();
  /** Answered here, until the stream says so too. */
  #newer = new SvelteMap<number, Alert>();
  #loading = 0;
  #once = new Once();

  start(): void {
    live.onAlert((alert) => this.put(alert));
  }

  /** Reads the list again; a later call overtakes an earlier one. */
  async load(): Promise<void> {
    const turn = ++this.#loading;
    try {
      const list = await openAlerts();
      if (turn !== this.#loading) return;
      this.open = new Map(list.map((alert) => [alert.id, alert]));
      this.failed = null;
    } catch (error) {
      if (turn === this.#loading) this.failed = codeOf(error);
    }
  }

  /** Takes an alert as the hub now says it is. */
  put(alert: Alert): void {
    const held = this.#newer.get(alert.id);
    if (held && alert.version >= held.version) this.#newer.delete(alert.id);
    if (!this.open) return;
    const known = this.open.get(alert.id);
    if (known && known.version > alert.version) return;
    const next = new Map(this.open);
    if (alert.state === 'resolved') next.delete(alert.id);
    else next.set(alert.id, alert);
    this.open = next;
  }

  /** The newest that is known of an alert. */
  newest(alert: Alert): Alert {
    const held = this.#newer.get(alert.id);
    return held && held.version > alert.version ? held : alert;
  }

  /** Tells the hub that somebody has it. Never queued: it reaches the hub or visibly fails. */
  async acknowledge(alert: Alert): Promise<void> {
    if (this.answers.get(alert.id)?.state === 'pending') return;
    this.answers.set(alert.id, { state: 'pending' });
    try {
      this.#hold(await acknowledge(alert));
      this.answers.delete(alert.id);
    } catch (error) {
      // Somebody else changed it in between: what it is now comes with the refusal.
      if (error instanceof ApiError && error.problem?.alert) this.#hold(error.problem.alert);
      this.answers.set(alert.id, { state: 'failed', code: codeOf(error) });
    }
  }

  /** Does something with an alert, or with the fever behind it. Answers whether the hub took it. */
  async act(alert: Alert, act: Act, said: Said): Promise<boolean> {
    if (this.answers.get(alert.id)?.state === 'pending') return false;
    this.answers.set(alert.id, { state: 'pending' });
    try {
      const make = () => request(alert, act, said, Date.now());
      await this.#once.send([alert.id, act, said], make, async ({ path, body }, key) => {
        await change(path, body, key);
        // What is found out of a fever changes its alert, too.
        this.#hold(await oneAlert(alert.id));
      });
      this.answers.delete(alert.id);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.problem?.alert) this.#hold(error.problem.alert);
      this.answers.set(alert.id, { state: 'failed', code: codeOf(error) });
      return false;
    }
  }

  #hold(alert: Alert): void {
    this.put(alert);
    this.#newer.set(alert.id, alert);
  }
}

function codeOf(error: unknown): string {
  return error instanceof ApiError ? error.code : 'unavailable';
}

export const alerts = new Alerts();
