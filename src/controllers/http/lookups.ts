import type { Key } from "../../api/objects.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Hook } from "./signature.ts";

/** Finds a sync's webhook; undefined when there is no such sync, or it has no webhook. */
export type HookOf = (key: Key, signal: AbortSignal) => Promise<Hook | undefined>;

/** How lookups behave; times are in milliseconds. */
export interface HookLookupOptions {
  readonly clock: Clock;
  readonly keepMs: number;
  readonly timeoutMs: number;
  /** How many answers are remembered. */
  readonly most: number;
}

interface Lookup {
  readonly until: number;
  readonly hook: Promise<Hook | undefined>;
}

/**
 * Remembers webhooks for a short while. Looking one up may cost a request to the API server,
 * and anybody may call a hook: strangers must not be able to multiply their requests through us.
 */
export class HookLookups {
  readonly #hookOf: HookOf;
  readonly #options: HookLookupOptions;
  readonly #lookups = new Map<Key, Lookup>();

  constructor(hookOf: HookOf, options: HookLookupOptions) {
    this.#hookOf = hookOf;
    this.#options = options;
  }

  /** How many answers are remembered. */
  get size(): number {
    return this.#lookups.size;
  }

  /** The webhook of a key. A lookup that fails is remembered as well, and rejects. */
  async get(key: Key): Promise<Hook | undefined> {
    const now = this.#options.clock.monotonic();
    const known = this.#lookups.get(key);
    if (known !== undefined && known.until > now) return known.hook;
    const hook = this.#look(key);
    hook.catch(() => undefined); // each caller gets it; without one it must not end the process
    this.#lookups.delete(key);
    this.#lookups.set(key, { until: now + this.#options.keepMs, hook });
    this.#trim(now);
    return hook;
  }

  async #look(key: Key): Promise<Hook | undefined> {
    const stop = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`the webhook token of ${key} was not found within ${this.#options.timeoutMs} ms`);
      stop.abort(error);
      late.reject(error);
    }, this.#options.timeoutMs);
    try {
      return await Promise.race([this.#hookOf(key, stop.signal), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** In the order of insertion, so the oldest are in front. */
  #trim(now: number): void {
    for (const [key, { until }] of this.#lookups) {
      if (until > now && this.#lookups.size <= this.#options.most) return;
      this.#lookups.delete(key);
    }
  }
}
