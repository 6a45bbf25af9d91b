import type { Key } from "../../api/objects.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Schedule } from "../queue.ts";

/** Lets each key through so many times at once, and then as often as that in each period. */
export class RateBound {
  readonly #most: number;
  readonly #periodMs: number;
  readonly #clock: Clock;
  /** When the budget of a key is full again. A key that is not here has all of it. */
  readonly #fullAt = new Map<Key, number>();

  constructor(most: number, periodMs: number, clock: Clock) {
    this.#most = most;
    this.#periodMs = periodMs;
    this.#clock = clock;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Takes one of the key's budget and answers 0, or how many milliseconds to wait for the next. */
  take(key: Key): number {
    const now = this.#clock.monotonic();
    const each = this.#periodMs / this.#most;
    const full = Math.max(now, this.#fullAt.get(key) ?? now) + each;
    if (full - now > this.#periodMs) return Math.ceil(full - now - this.#periodMs);
    // Set anew, so that the map is ordered by use and those that are full again stand in front.
    this.#fullAt.delete(key);
    this.#fullAt.set(key, full);
    this.#sweep(now);
    return 0;
  }

  #sweep(now: number): void {
    for (const [key, full] of this.#fullAt) {
      if (full > now) return;
      this.#fullAt.delete(key);
    }
  }
}

/**
 * Tells of a key at once, and of all that follow for its group within a window once at its end.
 * The end matters: what the first of a burst started may have looked too early to see what the last one is about.
 */
export class Debounce {
  readonly #notify: (key: Key) => void;
  readonly #windowMs: number;
  readonly #schedule: Schedule;
  readonly #windows = new Map<string, { readonly later: Set<Key>; readonly cancel: () => void }>();

  /** `notify` must not throw: it is called from a timer, too. */
  constructor(notify: (key: Key) => void, windowMs: number, schedule: Schedule) {
    this.#notify = notify;
    this.#windowMs = windowMs;
    this.#schedule = schedule;
  }

  /** How many groups have a window open. */
  get size(): number {
    return this.#windows.size;
  }

  /** Tells of a key now or at the end of its group's window. */
  add(group: string, key: Key): void {
    const window = this.#windows.get(group);
    if (window === undefined) this.#open(group, [key]);
    else window.later.add(key);
  }

  /** Forgets what was to be told later. */
  close(): void {
    for (const { cancel } of this.#windows.values()) cancel();
    this.#windows.clear();
  }

  #open(group: string, keys: Iterable<Key>): void {
    const later = new Set<Key>();
    const cancel = this.#schedule(() => {
      this.#windows.delete(group);
      if (later.size > 0) this.#open(group, later);
    }, this.#windowMs);
    this.#windows.set(group, { later, cancel });
    for (const key of keys) this.#notify(key);
  }
}
