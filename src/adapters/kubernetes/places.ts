import { abortable } from "./signals.ts";

/** A counted number of places; those who wait are served in order. */
export class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** Takes a place until it is disposed. */
  async take(signal: AbortSignal): Promise<Disposable> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      const turn = Promise.withResolvers<void>();
      this.#waiting.add(turn.resolve);
      try {
        await abortable(turn.promise, signal);
      } catch (error) {
        // A place may have been handed over in the very moment of the abort: it must not be lost.
        if (!this.#waiting.delete(turn.resolve)) this.#leave();
        throw error;
      }
    }
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#leave();
        held = false;
      },
    };
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
