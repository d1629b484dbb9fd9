// A question asked again and again while a component lives.

import { untrack } from 'svelte';
import { ApiError } from '../api/client.ts';

export class Polled<T> {
  /** The last answer; kept while the next is awaited or fails. */
  value = $state.raw<T | null>(null);
  /** Why there is no newer one: the problem's code. */
  failed = $state<string | null>(null);
  #turn = 0;
  #ask: () => void = () => undefined;

  /** Call while a component is set up. What `load` reads before it waits starts it anew when it changes. */
  constructor(load: () => Promise<T> | null, every_ms: number) {
    $effect(() => {
      let timer: ReturnType<typeof setTimeout>;
      const ask = () => {
        clearTimeout(timer);
        void this.#take(load());
        timer = setTimeout(() => untrack(ask), every_ms);
      };
      ask();
      this.#ask = () => untrack(ask);
      return () => {
        clearTimeout(timer);
        this.#turn += 1;
      };
    });
  }

  retry(): void {
    this.#ask();
  }

  async #take(answer: Promise<T> | null): Promise<void> {
    if (!answer) return;
    const turn = ++this.#turn;
    try {
      const value = await answer;
      if (turn !== this.#turn) return;
      this.value = value;
      this.failed = null;
    } catch (error) {
      if (turn === this.#turn) this.failed = error instanceof ApiError ? error.code : 'unavailable';
    }
  }
}
