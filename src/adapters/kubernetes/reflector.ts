import { isObject, type Json, listAt, numberAt, stringAt } from "../../api/json.ts";
import { isManifest, type Manifest } from "../../api/objects.ts";
import { ApiError, type Discovery, isApiError, type KindInfo } from "../../ports/cluster.ts";
import type { Change, ObjectCache, Watcher, WatchQuery } from "../../ports/watch.ts";
import { WatchedCache } from "./cache.ts";
import { lines } from "./lines.ts";
import { collectionPath, withQuery } from "./paths.ts";
import { abortable, Backoff, bounded, sleep } from "./signals.ts";
import type { Call, Transport, Verb } from "./transport.ts";

/** How watches behave; times are in milliseconds. */
export interface WatcherOptions {
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** A watch that lived so long worked, even when nothing happened in it. */
  readonly healthyMs?: number;
  /** The server ends a watch after this to twice this. */
  readonly minWatchSeconds?: number;
  /** How long after its own end the server may still be silent. */
  readonly graceMs?: number;
  /** How long a server that sends bookmarks (about one a minute) may be silent. */
  readonly idleMs?: number;
  /** How long the list of one page may take. */
  readonly listTimeoutMs?: number;
  readonly pageSize?: number;
  /** Told of everything that a watch survived, for logs and metrics. */
  readonly onTrouble?: (query: WatchQuery, error: Error) => void;
}

type Settings = Required<WatcherOptions>;

const DEFAULTS: Settings = {
  minBackoffMs: 200,
  maxBackoffMs: 30_000,
  healthyMs: 5_000,
  minWatchSeconds: 300,
  graceMs: 30_000,
  idleMs: 150_000,
  listTimeoutMs: 60_000,
  pageSize: 500,
  onTrouble: () => undefined,
};

/**
 * After so many unreadable answers in a row the watch may stand at a place that cannot be read: list again.
 * An outage does not count: when it ends, the lists of all watches at once would be the next one.
 */
const UNREADABLE_BEFORE_RELIST = 3;

/** Starts watches over raw HTTP. */
export class KubernetesWatcher implements Watcher {
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #settings: Settings;

  constructor(transport: Transport, discovery: Discovery, options: WatcherOptions = {}) {
    this.#transport = transport;
    this.#discovery = discovery;
    this.#settings = { ...DEFAULTS, ...options };
  }

  watch(query: WatchQuery, onChange: (change: Change) => void, signal: AbortSignal): ObjectCache {
    const cache = new WatchedCache(query, onChange);
    const reflector = new Reflector(this.#transport, this.#discovery, this.#settings, cache);
    reflector.run(signal).catch((error: unknown) => {
      // The loop survives everything but its own signal; anything else is a defect that must not stay silent.
      if (!signal.aborted) throw error;
    });
    return cache;
  }

  async untilSynced(caches: readonly ObjectCache[], signal: AbortSignal): Promise<void> {
    const waits = caches.filter((cache) => cache instanceof WatchedCache).map((cache) => cache.whenSynced);
    await abortable(Promise.all(waits), signal);
  }
}

/** Keeps one cache equal to the server: a list, then watches from where it ended. */
class Reflector {
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #settings: Settings;
  readonly #cache: WatchedCache;
  readonly #backoff: Backoff;
  /** Where the next watch begins; undefined: a list is needed. */
  #from: string | undefined;
  #unreadable = 0;

  constructor(transport: Transport, discovery: Discovery, settings: Settings, cache: WatchedCache) {
    this.#transport = transport;
    this.#discovery = discovery;
    this.#settings = settings;
    this.#cache = cache;
    this.#backoff = new Backoff(settings.minBackoffMs, settings.maxBackoffMs);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#survive(error);
        await sleep(this.#backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { apiVersion, kind, namespace } = this.#cache.query;
    const info = await this.#discovery.kind(apiVersion, kind, signal);
    if (info === undefined) throw noSuchKind(this.#cache.query);
    const path = collectionPath(apiVersion, info, namespace);
    this.#from ??= await this.#list(path, info, signal);
    await this.#watch(path, info, this.#from, signal);
  }

  #survive(error: unknown): void {
    if (isApiError(error, "Other")) this.#unreadable += 1;
    if (isApiError(error, "UnknownKind")) {
      // No such kind, so no such objects; its definition may come later.
      this.#from = undefined;
      this.#cache.replace([], undefined);
    }
    if (isApiError(error) && error.code === 410) this.#from = undefined;
    if (this.#unreadable >= UNREADABLE_BEFORE_RELIST) this.#from = undefined;
    this.#settings.onTrouble(this.#cache.query, error instanceof Error ? error : new Error(String(error)));
  }

  /** News came, so the server works and the place is good. */
  #succeed(): void {
    this.#unreadable = 0;
    this.#backoff.reset();
  }

  async #list(path: string, info: KindInfo, signal: AbortSignal): Promise<string> {
    const { apiVersion, kind, labelSelector } = this.#cache.query;
    const fieldSelector = fieldSelectorOf(this.#cache.query);
    const objects: Manifest[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { labelSelector, fieldSelector, limit: String(this.#settings.pageSize), continue: next };
      const call: Call = {
        ...this.#titled("list", info),
        path: withQuery(path, query),
        retry: "Never",
        timeoutMs: this.#settings.listTimeoutMs,
      };
      const page = await this.#transport.json(call, signal);
      for (const item of listAt(page, "items")) {
        // Items of built-in kinds come without these two.
        const object: Json = isObject(item) ? { ...item, apiVersion, kind } : item;
        if (isManifest(object)) objects.push(this.#cache.trimmed(object));
      }
      next = stringAt(page, "metadata", "continue");
      if (next !== undefined && next !== "") continue;
      const version = stringAt(page, "metadata", "resourceVersion");
      if (version === undefined) throw new ApiError("Other", `the list of ${info.resource} has no resourceVersion`);
      this.#unreadable = 0;
      this.#cache.replace(objects, version);
      return version;
    }
  }

  async #watch(path: string, info: KindInfo, from: string, signal: AbortSignal): Promise<void> {
    const { minWatchSeconds, healthyMs, graceMs, idleMs, listTimeoutMs } = this.#settings;
    const lengthMs = minWatchSeconds * 1000 * (1 + Math.random());
    const query = {
      labelSelector: this.#cache.query.labelSelector,
      fieldSelector: fieldSelectorOf(this.#cache.query),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(Math.ceil(lengthMs / 1000)),
    };
    const call: Call = { ...this.#titled("watch", info), path: withQuery(path, query), retry: "Never" };
    const started = performance.now();
    // Bookmarks are promised by nobody: until one came, only the end that was asked for bounds the silence.
    let silence = lengthMs + graceMs;
    using scope = bounded(signal, listTimeoutMs);
    try {
      const body = await this.#transport.stream(call, signal, scope);
      scope.restart(silence);
      for await (const line of lines(body)) {
        if (this.#take(line) === "BOOKMARK") silence = idleMs;
        this.#succeed();
        scope.restart(silence);
      }
    } finally {
      if (performance.now() - started >= healthyMs) this.#succeed();
    }
    // A proxy that ends every watch at once would otherwise be asked as fast as it answers.
    if (performance.now() - started < healthyMs) await sleep(this.#backoff.next(), signal);
  }

  /** Takes one event; a line that is none throws, and the watch starts anew at the last good one. */
  #take(line: string): string {
    const event = parseEvent(line);
    const type = stringAt(event, "type") ?? "";
    const object = isObject(event) ? event["object"] : undefined;
    if (type === "ERROR") {
      const code = numberAt(object, "code") ?? 500;
      throw new ApiError("Other", `the watch ended: ${stringAt(object, "message") ?? `code ${code}`}`, { code });
    }
    const version = stringAt(object, "metadata", "resourceVersion");
    if (type === "BOOKMARK") {
      this.#cache.passed(version);
    } else if (isManifest(object) && (type === "ADDED" || type === "MODIFIED" || type === "DELETED")) {
      this.#cache.event(type, object);
    } else {
      throw new ApiError("Other", "the watch sent a line that is no event");
    }
    this.#from = version ?? this.#from;
    return type;
  }

  #titled(verb: Verb, info: KindInfo): Pick<Call, "verb" | "resource" | "what"> {
    return { verb, resource: info.resource, what: `${verb} ${this.#cache.query.kind} objects` };
  }
}

/** The parser's own message would quote the line, and the line may hold a Secret. */
function parseEvent(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ApiError("Other", "the watch sent a line that is no JSON");
  }
}

function fieldSelectorOf({ name }: WatchQuery): string | undefined {
  return name === undefined ? undefined : `metadata.name=${name}`;
}

function noSuchKind(query: WatchQuery): ApiError {
  return new ApiError("UnknownKind", `the API server serves no ${query.kind} of ${query.apiVersion}`, { code: 404 });
}
