import type { Key } from "../api/objects.ts";
import { type Clock, systemClock } from "../ports/clock.ts";

/** Calls back once after some milliseconds; the answer cancels. */
export type Schedule = (callback: () => void, ms: number) => () => void;

/** One run of a key that has ended, for metrics. */
export interface RunRecord {
  readonly key: Key;
  readonly outcome: "Done" | "Failed";
  readonly ms: number;
  /** Why it failed. */
  readonly error?: unknown;
  /** After how long it is tried again, when it failed. */
  readonly retryInMs?: number;
}

/** How a queue behaves; times are in milliseconds. */
export interface QueueOptions {
  readonly workers?: number;
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  readonly clock?: Clock;
  readonly schedule?: Schedule;
  /** A number from 0 up to 1. */
  readonly random?: () => number;
  readonly onRun?: (record: RunRecord) => void;
}

/** Does the work of one key. A rejection means: try again later. */
export type QueueHandler = (key: Key, signal: AbortSignal) => Promise<void>;

interface Due {
  readonly at: number;
  readonly key: Key;
}

/** A timer of Node fires at once when its delay does not fit into 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const timers: Schedule = (callback, ms) => {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

/**
 * Runs a handler for keys: each key at most once at a time, and once more when it was added during its run.
 * However often a key is added, it waits once.
 */
export class KeyedQueue {
  readonly #handler: QueueHandler;
  readonly #options: Required<QueueOptions>;
  /** In the order in which they run. */
  readonly #ready = new Set<Key>();
  readonly #running = new Map<Key, Promise<void>>();
  /** Added while they ran. */
  readonly #again = new Set<Key>();
  readonly #failures = new Map<Key, number>();
  /** When each key is due. The heap may hold later times of a key as well; those are skipped. */
  readonly #dueAt = new Map<Key, number>();
  #heap: Due[] = [];
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  readonly #stop = new AbortController();
  #open = true;

  constructor(handler: QueueHandler, options: QueueOptions = {}) {
    this.#handler = handler;
    this.#options = {
      workers: 4,
      minBackoffMs: 200,
      maxBackoffMs: 120_000,
      clock: systemClock,
      schedule: timers,
      random: Math.random,
      onRun: () => undefined,
      ...options,
    };
  }

  /** How many keys wait for a worker. */
  get depth(): number {
    return this.#ready.size + this.#again.size;
  }

  /** How many keys run now. */
  get running(): number {
    return this.#running.size;
  }

  /** How many keys wait for their time. */
  get delayed(): number {
    return this.#dueAt.size;
  }

  /** Runs a key as soon as a worker is free. */
  add(key: Key): void {
    if (!this.#open) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#start();
  }

  /** Runs a key after some time. The earliest time wins; a run before it does not cancel it. */
  addAfter(key: Key, ms: number): void {
    if (!this.#open) return;
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    const at = this.#options.clock.monotonic() + ms;
    const due = this.#dueAt.get(key);
    if (due !== undefined && due <= at) return;
    this.#dueAt.set(key, at);
    push(this.#heap, { at, key });
    this.#arm();
  }

  /**
   * Starts nothing more and waits for what runs. When the signal aborts, the handlers' signal does too, and the wait ends.
   */
  async drain(signal: AbortSignal): Promise<"Drained" | "Abandoned"> {
    this.#open = false;
    this.#ready.clear();
    this.#again.clear();
    this.#dueAt.clear();
    this.#heap = [];
    this.#timer?.cancel();
    this.#timer = undefined;
    const ended = Promise.all(this.#running.values()).then(() => "Drained" as const);
    const aborted = Promise.withResolvers<"Abandoned">();
    const abandon = (): void => {
      this.#stop.abort(signal.reason);
      aborted.resolve("Abandoned");
    };
    if (signal.aborted) abandon();
    signal.addEventListener("abort", abandon, { once: true });
    try {
      return this.#running.size === 0 ? "Drained" : await Promise.race([ended, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  #start(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#options.workers) return;
      this.#ready.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: Key): Promise<void> {
    // The handler starts in a turn of its own, so that `add` returns before any of its work.
    await Promise.resolve();
    // Whatever asked for the key until now is answered by this run.
    this.#again.delete(key);
    const { clock, onRun } = this.#options;
    const started = clock.monotonic();
    let failure: Pick<RunRecord, "error" | "retryInMs"> | undefined;
    try {
      await this.#handler(key, this.#stop.signal);
      this.#failures.delete(key);
    } catch (error) {
      failure = { error, retryInMs: this.#backoff(key) };
    }
    this.#running.delete(key);
    if (failure?.retryInMs !== undefined) this.addAfter(key, failure.retryInMs);
    if (this.#again.delete(key)) this.add(key);
    onRun({ key, outcome: failure === undefined ? "Done" : "Failed", ms: clock.monotonic() - started, ...failure });
    this.#start();
  }

  #backoff(key: Key): number {
    const { minBackoffMs, maxBackoffMs, random } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(failures, 30)) * (0.5 + random() / 2);
  }

  #arm(): void {
    const next = this.#heap[0];
    if (next === undefined || (this.#timer !== undefined && this.#timer.at <= next.at)) return;
    this.#timer?.cancel();
    const ms = Math.min(Math.max(0, next.at - this.#options.clock.monotonic()), LONGEST_TIMER_MS);
    const cancel = this.#options.schedule(() => this.#fire(), Math.ceil(ms));
    this.#timer = { at: next.at, cancel };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#options.clock.monotonic();
    for (let next = this.#heap[0]; next !== undefined && next.at <= now; next = this.#heap[0]) {
      pop(this.#heap);
      if (this.#dueAt.get(next.key) !== next.at) continue;
      this.#dueAt.delete(next.key);
      this.add(next.key);
    }
    this.#arm();
  }
}

function push(heap: Due[], due: Due): void {
  let here = heap.length;
  heap.push(due);
  while (here > 0) {
    const above = (here - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || parent.at <= due.at) break;
    heap[here] = parent;
    here = above;
  }
  heap[here] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let here = 0;
  for (;;) {
    const left = heap[2 * here + 1];
    const right = heap[2 * here + 2];
    const goesRight = right !== undefined && left !== undefined && right.at < left.at;
    const child = goesRight ? right : left;
    if (child === undefined || child.at >= last.at) break;
    heap[here] = child;
    here = 2 * here + (goesRight ? 2 : 1);
  }
  heap[here] = last;
}
