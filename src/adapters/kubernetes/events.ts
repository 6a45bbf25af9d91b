import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../api/json.ts";
import { type Manifest, refOf, title } from "../../api/objects.ts";
import { type Clock, systemClock } from "../../ports/clock.ts";
import { isApiError } from "../../ports/cluster.ts";
import type { EventNote, Events } from "../../ports/events.ts";
import { collectionPath, objectPath } from "./paths.ts";
import { abortable } from "./signals.ts";
import type { Call, Transport } from "./transport.ts";

/** How Events are written; times are in milliseconds. */
export interface EventsOptions {
  /** Names this process in what it writes. */
  readonly instance: string;
  /** How many notes on one object may come at once. */
  readonly burst?: number;
  /** After how long one more may come. */
  readonly refillMs?: number;
  /** How many writes may wait; more are dropped. */
  readonly queueSize?: number;
  /** How many objects and notes are remembered. */
  readonly memory?: number;
  readonly writeTimeoutMs?: number;
  readonly clock?: Clock;
  /** Told why a note was not written, for metrics. */
  readonly onDrop?: (why: "Throttled" | "QueueFull" | "Failed") => void;
}

/** Who reports, in every Event. */
const REPORTING_CONTROLLER = "fairlead.dev/operator";

const INFO = { resource: "events", namespaced: true };
const MAX_MESSAGE = 1024;

interface Series {
  /** The object that was noted first. */
  readonly about: Manifest;
  readonly note: EventNote;
  readonly name: string;
  readonly first: string;
  last: string;
  count: number;
  stored: boolean;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Writes core/v1 Events in the background, one at a time. */
export class KubernetesEvents implements Events {
  readonly #transport: Transport;
  readonly #options: Required<EventsOptions>;
  readonly #buckets = new Map<string, Bucket>();
  readonly #series = new Map<string, Series>();
  /** What waits to be written. A repeat of a waiting note is folded into it. */
  readonly #waiting = new Set<Series>();
  #writing: Promise<void> | undefined;
  readonly #stopped = new AbortController();

  constructor(transport: Transport, options: EventsOptions) {
    this.#transport = transport;
    this.#options = {
      burst: 25,
      refillMs: 300_000,
      queueSize: 500,
      memory: 4_096,
      writeTimeoutMs: 20_000,
      clock: systemClock,
      onDrop: () => undefined,
      ...options,
    };
  }

  note(about: Manifest, note: EventNote): void {
    const object = about.metadata.uid ?? title(refOf(about));
    if (!this.#allowed(object)) {
      this.#options.onDrop("Throttled");
      return;
    }
    const key = JSON.stringify([object, note.type, note.reason, note.message]);
    const now = `${new Date(this.#options.clock.now()).toISOString().slice(0, 19)}Z`;
    const series = this.#series.get(key) ?? fresh(about, note, now);
    series.count += 1;
    series.last = now;
    remember(this.#series, key, series, this.#options.memory);
    if (!this.#waiting.has(series) && this.#waiting.size >= this.#options.queueSize) {
      this.#options.onDrop("QueueFull");
      return;
    }
    this.#waiting.add(series);
    this.#writing ??= this.#writeAll();
  }

  /** Waits until everything noted so far is written, at most until the signal aborts; what is left then is dropped. */
  async flush(signal: AbortSignal): Promise<void> {
    try {
      while (this.#writing !== undefined) await abortable(this.#writing, signal);
    } catch {
      this.#stopped.abort(new Error("events are not written any more"));
      this.#waiting.clear();
    }
  }

  /** A token bucket for each object: one that flaps must not fill etcd with its story. */
  #allowed(object: string): boolean {
    const { burst, refillMs, clock, memory } = this.#options;
    const now = clock.monotonic();
    const before = this.#buckets.get(object) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + (now - before.at) / refillMs);
    const allowed = tokens >= 1;
    remember(this.#buckets, object, { tokens: allowed ? tokens - 1 : tokens, at: now }, memory);
    return allowed;
  }

  async #writeAll(): Promise<void> {
    // Not in the caller's turn: `note` returns at once, and notes of one turn are folded.
    await Promise.resolve();
    for (let next = first(this.#waiting); next !== undefined; next = first(this.#waiting)) {
      this.#waiting.delete(next);
      try {
        await this.#write(next);
      } catch {
        this.#options.onDrop("Failed");
      }
    }
    this.#writing = undefined;
  }

  async #write(series: Series): Promise<void> {
    if (series.stored) {
      try {
        await this.#send(series, "patch", { count: series.count, lastTimestamp: series.last });
        return;
      } catch (error) {
        // Events live for an hour: this one has been removed since.
        if (!isApiError(error, "NotFound")) throw error;
      }
    }
    await this.#send(series, "create", eventOf(series, this.#options.instance));
    series.stored = true;
  }

  async #send(series: Series, verb: "create" | "patch", body: JsonObject): Promise<void> {
    const namespace = series.about.metadata.namespace ?? "default";
    const ref = { apiVersion: "v1", kind: "Event", namespace, name: series.name };
    const call: Call = {
      verb,
      resource: INFO.resource,
      what: `${verb} Event ${namespace}/${series.name}`,
      path: verb === "create" ? collectionPath("v1", INFO, namespace) : objectPath(ref, INFO),
      body: JSON.stringify(body),
      ...(verb === "patch" ? { contentType: "application/merge-patch+json" } : {}),
      retry: verb === "patch" ? "Always" : "Unsent",
      timeoutMs: this.#options.writeTimeoutMs,
      patient: true,
    };
    await this.#transport.json(call, this.#stopped.signal);
  }
}

function fresh(about: Manifest, note: EventNote, now: string): Series {
  // The name of an object may be as long as the name of an Event: make room for the suffix.
  const stem = about.metadata.name.slice(0, 230).replace(/[^a-z0-9]+$/i, "");
  const name = `${stem}.${randomBytes(8).toString("hex")}`;
  return { about, note, name, first: now, last: now, count: 0, stored: false };
}

function eventOf(series: Series, instance: string): JsonObject {
  const { about, note } = series;
  const { namespace, name, uid, resourceVersion } = about.metadata;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: series.name, namespace: namespace ?? "default" },
    involvedObject: { apiVersion: about.apiVersion, kind: about.kind, namespace, name, uid, resourceVersion },
    type: note.type,
    reason: note.reason,
    message: cut(note.message),
    count: series.count,
    firstTimestamp: series.first,
    lastTimestamp: series.last,
    source: { component: REPORTING_CONTROLLER },
    reportingComponent: REPORTING_CONTROLLER,
    reportingInstance: instance,
  };
}

function cut(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1).toWellFormed()}…`;
}

/** Sets an entry as the newest and forgets the oldest when there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) {
    const oldest = map.keys().next();
    if (oldest.done !== true) map.delete(oldest.value);
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item;
  return undefined;
}
