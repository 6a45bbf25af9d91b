/**
 * Shares one piece of work among all who ask for it while it runs.
 * The work is aborted only when the last of them has left: one sync that is deleted does not fail the others.
 */
export class Flights {
  readonly #running = new Map<string, Flight>();

  async share<T>(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    let flight = this.#running.get(key);
    if (flight === undefined) {
      const control = new AbortController();
      const started: Flight = { control, waiting: 0, result: work(control.signal) };
      flight = started;
      this.#running.set(key, started);
      const done = (): void => {
        if (this.#running.get(key) === started) this.#running.delete(key);
      };
      started.result.then(done, done);
    }
    const { control, result } = flight;
    flight.waiting += 1;
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return (await Promise.race([result, left.promise])) as T;
    } finally {
      signal.removeEventListener("abort", leave);
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        // Nobody may join work that is being aborted.
        if (this.#running.get(key) === flight) this.#running.delete(key);
        control.abort(new Error("no one waits for this any more"));
      }
    }
  }
}

/** Lets one at a time pass, in the order of asking. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  pass<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

interface Flight {
  readonly control: AbortController;
  waiting: number;
  readonly result: Promise<unknown>;
}
