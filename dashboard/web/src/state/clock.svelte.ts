// The hub's time, by which every age is counted: a wrong clock of this computer does no harm.

class Clock {
  /** This computer's time, renewed once a second; milliseconds. */
  local = $state(Date.now());
  /** The hub's time minus this computer's. */
  #offset = $state(0);

  /** The hub's time now, in steps of a second. */
  get now(): number {
    return this.local + this.#offset;
  }

  /** The hub's time at a moment of this computer's clock. */
  server(local: number): number {
    return local + this.#offset;
  }

  sync(server_time: string, received: number): void {
    const offset = Date.parse(server_time) - received;
    // Below the network's own jitter nothing is gained, and every age on the page would be renewed.
    if (Number.isFinite(offset) && Math.abs(offset - this.#offset) > 200) this.#offset = offset;
  }

  start(): void {
    const tick = () => {
      this.local = Date.now();
      setTimeout(tick, 1000 - (this.local % 1000));
    };
    tick();
  }
}

export const clock = new Clock();
