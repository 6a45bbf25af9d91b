import type { Key } from "../../api/objects.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HookToken } from "./signature.ts";

/** Finds the token of a sync's webhook; undefined when there is no such sync, or it has no webhook. */
export type TokenOf = (key: Key, signal: AbortSignal) => Promise<HookToken | undefined>;

/** How lookups behave; times are in milliseconds. */
export interface TokenOptions {
  readonly clock: Clock;
  readonly keepMs: number;
  readonly timeoutMs: number;
  /** How many answers are remembered. */
  readonly most: number;
}

interface Lookup {
  readonly until: number;
  readonly token: Promise<HookToken | undefined>;
}

/**
 * Remembers tokens for a short while. Looking one up may cost a request to the API server,
 * and anybody may call a hook: strangers must not be able to multiply their requests through us.
 */
export class Tokens {
  readonly #tokenOf: TokenOf;
  readonly #options: TokenOptions;
  readonly #lookups = new Map<Key, Lookup>();

  constructor(tokenOf: TokenOf, options: TokenOptions) {
    this.#tokenOf = tokenOf;
    this.#options = options;
  }

  /** How many answers are remembered. */
  get size(): number {
    return this.#lookups.size;
  }

  /** The token of a key. A lookup that fails is remembered as well, and rejects. */
  async get(key: Key): Promise<HookToken | undefined> {
    const now = this.#options.clock.monotonic();
    const known = this.#lookups.get(key);
    if (known !== undefined && known.until > now) return known.token;
    const token = this.#look(key);
    token.catch(() => undefined); // each caller gets it; without one it must not end the process
    this.#lookups.delete(key);
    this.#lookups.set(key, { until: now + this.#options.keepMs, token });
    this.#trim(now);
    return token;
  }

  async #look(key: Key): Promise<HookToken | undefined> {
    const stop = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`the webhook token of ${key} was not found within ${this.#options.timeoutMs} ms`);
      stop.abort(error);
      late.reject(error);
    }, this.#options.timeoutMs);
    try {
      return await Promise.race([this.#tokenOf(key, stop.signal), late.promise]);
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
