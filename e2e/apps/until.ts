import { setTimeout as sleep } from "node:timers/promises";

/** Reports what a probe saw, so that a timeout can say how far things had come. */
export type Saw = (what: string) => void;

/** Looks once: a value ends the wait, undefined goes on with it. */
export type Probe<T> = (saw: Saw, signal: AbortSignal) => T | undefined | Promise<T | undefined>;

/** How long to wait and how often to look. */
export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Waits until the probe gives a value. A probe that throws has seen its error: servers under test come and go, so the wait
 * goes on. A probe that hangs is ended by the time limit too.
 */
export async function until<T>(what: string, probe: Probe<T>, options: UntilOptions = {}): Promise<T> {
  const { timeoutMs = 90_000, everyMs = 100, signal } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  const over = new Promise<undefined>((resolve) => {
    ended.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  let last = "nothing yet";
  const saw: Saw = (text) => {
    last = text;
  };
  const look = async (): Promise<T | undefined> => {
    try {
      return await probe(saw, ended);
    } catch (error) {
      if (!ended.aborted) saw(`an error: ${messageOf(error)}`);
      return undefined;
    }
  };
  while (!ended.aborted) {
    const value = await Promise.race([look(), over]);
    if (value !== undefined) return value;
    // An abort during the pause ends the loop, so its rejection says nothing new.
    await sleep(everyMs, undefined, { signal: ended }).catch(() => undefined);
  }
  const why = signal?.aborted ? "was called off" : `did not happen within ${timeoutMs} ms`;
  throw new Error(`${what} ${why}; last seen: ${last}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
