/** Time that only moves when the test says so. */
export class FakeTime {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly ms: number; readonly callback: () => void }>();
  /** The delays that timers were set with. */
  readonly asked: number[] = [];

  /** The `Clock` of this time. */
  readonly clock = { now: () => this.#now, monotonic: () => this.#now };

  /** Sets a timer; the answer cancels it. */
  readonly schedule = (callback: () => void, ms: number): (() => void) => {
    const timer = { at: this.#now + ms, ms, callback };
    this.asked.push(ms);
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves time and fires what is due, in order. */
  async pass(ms: number): Promise<void> {
    await settle();
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything run that can run without time passing. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
