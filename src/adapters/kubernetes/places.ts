import { abortable } from "./signals.ts";

/** Who is patient comes after all others, but waits no longer than this for that. */
const PATIENCE_MS = 5_000;

/** A counted number of places; those who wait are served in order, and those who are patient when nobody else waits. */
export class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();
  readonly #patient = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** Takes a place until it is disposed. */
  async take(signal: AbortSignal, patient = false): Promise<Disposable> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      const turn = Promise.withResolvers<void>();
      const { resolve } = turn;
      (patient ? this.#patient : this.#waiting).add(resolve);
      const hurry =
        patient &&
        setTimeout(() => {
          if (this.#patient.delete(resolve)) this.#waiting.add(resolve);
        }, PATIENCE_MS).unref();
      try {
        await abortable(turn.promise, signal);
      } catch (error) {
        // A place may have been handed over in the very moment of the abort: it must not be lost.
        if (!this.#waiting.delete(resolve) && !this.#patient.delete(resolve)) this.#leave();
        throw error;
      } finally {
        if (hurry) clearTimeout(hurry);
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
    for (const queue of [this.#waiting, this.#patient]) {
      const [next] = queue;
      if (next === undefined) continue;
      queue.delete(next);
      next();
      return;
    }
    this.#free += 1;
  }
}
