import { setTimeout as delay } from "node:timers/promises";

/** What one look at a condition found: its value once it holds, or what was seen instead. */
export type Look<T> = { readonly value: T } | { readonly seen: string };

/** How long and how often {@link waitFor} looks. */
export interface WaitOptions {
  readonly limitMs: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Text for the error of a wait that ran out of time, e.g. the ends of log files. */
  readonly explain?: () => string;
}

/** Looks at a condition until it holds; when time is up the error says what was last seen. */
export async function waitFor<T>(what: string, look: () => Promise<Look<T>>, options: WaitOptions): Promise<T> {
  const { limitMs, everyMs = 50, signal, explain } = options;
  const deadline = performance.now() + limitMs;
  for (;;) {
    signal?.throwIfAborted();
    const found = await look();
    if ("value" in found) return found.value;
    if (performance.now() > deadline) {
      const detail = explain ? `\n${explain()}` : "";
      throw new Error(`waited ${limitMs / 1000} s for ${what}; last seen: ${found.seen}${detail}`);
    }
    await delay(everyMs, undefined, signal ? { signal } : {});
  }
}
