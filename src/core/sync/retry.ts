/** When a Git host that failed is asked again. */
export interface Retry {
  /** How often it has failed in a row. */
  readonly failures: number;
  /** When the last failure was known, in epoch milliseconds: what was asked for before is that failure. */
  readonly failedAt: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The host said how long it wants to be left alone: not even a push shortens that. */
  readonly demanded: boolean;
}

/** What a failure says of the next try; times are in milliseconds. */
export interface Failed {
  readonly intervalMs: number;
  /** The wait that the host asked for. */
  readonly wanted: number | undefined;
  readonly now: number;
}

/** The first wait, unless the interval is shorter. */
const FIRST_MS = 10_000;
/** Trouble that passes is noticed after a minute at the latest, unless the interval is longer. */
const LONGEST_MS = 60_000;

/**
 * The wait doubles from failure to failure, from a quarter of the interval up to the interval or a minute, and is spread by a
 * quarter to both sides, so that a thousand syncs do not come back in one moment. `random` is from 0 up to 1.
 */
export function nextTry(before: Retry | undefined, { intervalMs, wanted, now }: Failed, random: number): Retry {
  const failures = (before?.failures ?? 0) + 1;
  const first = Math.min(intervalMs, Math.max(FIRST_MS, intervalMs / 4));
  const doubled = Math.min(first * 2 ** Math.min(failures - 1, 20), Math.max(intervalMs, LONGEST_MS));
  const wait = doubled * (0.75 + random / 2);
  return { failures, failedAt: now, at: now + Math.max(wait, wanted ?? 0), demanded: wanted !== undefined };
}
