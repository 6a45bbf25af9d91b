import type { Key, Manifest } from "../api/objects.ts";

/** What to watch: one kind, optionally one namespace and a label selector. */
export interface WatchQuery {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Only the object of this name. */
  readonly name?: string;
  /** Of `metadata.managedFields`, which is dropped else: keeps what this manager has written, its sets of fields as text. */
  readonly fieldsOf?: string;
  /** Makes an object smaller before it is kept. */
  readonly trim?: (object: Manifest) => Manifest;
}

/** A change of one object. `before` is what the cache held; on a delete, `now` is undefined. */
export interface Change {
  readonly key: Key;
  readonly before: Manifest | undefined;
  readonly now: Manifest | undefined;
  /** It was `put`: whoever did that knows of it. */
  readonly own?: true;
}

/** The objects of one query, kept up to date by a watch. Objects in it are shared: never change one. */
export interface ObjectCache {
  readonly query: WatchQuery;
  /** True once the first list is complete. */
  readonly synced: boolean;
  get(key: Key): Manifest | undefined;
  /** All objects, or those of one namespace: that costs no look at the others. */
  list(namespace?: string): readonly Manifest[];
  /**
   * Takes the answer of an own write, unless something newer is held already.
   * So a reader in this process never sees an object older than the last write of this process.
   * It is reported to `onChange` like an event of the watch; the event itself is then no second change.
   */
  put(object: Manifest): void;
}

/** Starts watches. A watch survives every error of the server and the network until `signal` aborts. */
export interface Watcher {
  /** `onChange` must be quick and must not throw: it enqueues a key. It is called for the first list too. */
  watch(query: WatchQuery, onChange: (change: Change) => void, signal: AbortSignal): ObjectCache;
  /** Resolves when every given cache has its first list. */
  untilSynced(caches: readonly ObjectCache[], signal: AbortSignal): Promise<void>;
}
