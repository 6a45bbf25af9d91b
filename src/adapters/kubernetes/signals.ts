/** A piece of work that ends with its parent, by its own time limit, or when it is disposed; it leaves no listener behind. */
export interface Scope extends Disposable {
  readonly signal: AbortSignal;
  /** True when the limit ended the work, not the parent. */
  readonly expired: boolean;
  /** Starts the limit anew. */
  restart(ms: number): void;
}

/**
 * Bounds work by a parent signal and a time limit.
 * `AbortSignal.any` is not used: on a parent that lives as long as the process it keeps what it derived.
 */
export function bounded(parent: AbortSignal, ms: number): Scope {
  const controller = new AbortController();
  let expired = false;
  const expire = (): void => {
    expired = true;
    controller.abort(new Error("time limit"));
  };
  const follow = (): void => controller.abort(parent.reason);
  let timer = setTimeout(expire, ms);
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    restart(limit: number) {
      clearTimeout(timer);
      timer = setTimeout(expire, limit);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener("abort", follow);
    },
  };
}

/** Waits for a promise that cannot be stopped itself; stops waiting when the signal aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    // The race also handles a later rejection of the promise: left alone it would end the process.
    return await Promise.race([aborted.promise, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Waits; rejects with the signal's reason when it aborts. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const slept = Promise.withResolvers<void>();
  const timer = setTimeout(slept.resolve, ms);
  try {
    await abortable(slept.promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Exponential waits with jitter: each is half to all of its step, so that many clients spread out. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** How long to wait after one more failure, in milliseconds. */
  next(): number {
    // The exponent is bounded: 2 ** 1024 is Infinity, and Infinity times a jitter of 0 would be NaN.
    const step = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return step * (0.5 + Math.random() / 2);
  }

  /** Forgets the failures. */
  reset(): void {
    this.#failures = 0;
  }
}
