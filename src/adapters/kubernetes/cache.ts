import { isObject, type Json, listAt, stringify } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import type { Change, ObjectCache, WatchQuery } from "../../ports/watch.ts";
import { matchesSelector } from "./selector.ts";

/**
 * Compares two resource versions: negative when `a` is older. Undefined when one of them is no number.
 * Kubernetes guarantees the order within one kind since 1.35, and every earlier API server keeps to it.
 */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return undefined;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function older(a: string | undefined, b: string | undefined): boolean {
  return (compareVersions(a, b) ?? 0) < 0;
}

/** The objects of one query. Lists, watch events and own writes come in any order; the newest of an object wins. */
export class WatchedCache implements ObjectCache {
  readonly query: WatchQuery;
  readonly #onChange: (change: Change) => void;
  readonly #objects = new Map<Key, Manifest>();
  /** The same objects by namespace, "" for those that have none. */
  readonly #byNamespace = new Map<string, Map<Key, Manifest>>();
  /** Own writes that the watch has not told of yet. */
  readonly #own = new Map<Key, string>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  /** The watch has told of everything up to here. */
  #seen: string | undefined;

  constructor(query: WatchQuery, onChange: (change: Change) => void) {
    this.query = query;
    this.#onChange = onChange;
  }

  get synced(): boolean {
    return this.#isSynced;
  }

  /** Resolves with the first list. */
  get whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  get(key: Key): Manifest | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly Manifest[] {
    const objects = namespace === undefined ? this.#objects : this.#byNamespace.get(namespace);
    return objects === undefined ? [] : [...objects.values()];
  }

  put(object: Manifest): void {
    if (object.apiVersion !== this.query.apiVersion || object.kind !== this.query.kind) {
      throw new TypeError(`${object.apiVersion} ${object.kind} was put into the cache of ${this.query.kind}`);
    }
    const { namespace, resourceVersion } = object.metadata;
    if (this.query.namespace !== undefined && this.query.namespace !== namespace) return;
    // What the watch has passed it has told of, or of its deletion: an answer that comes late must not bring it back.
    const age = compareVersions(resourceVersion, this.#seen);
    if (age !== undefined && age <= 0) return;
    const key = keyOf(object);
    const held = this.#objects.get(key);
    if (older(resourceVersion, held?.metadata.resourceVersion)) return;
    if (!matchesSelector(this.query.labelSelector ?? "", object.metadata.labels ?? {})) {
      this.#set(key, undefined);
      return;
    }
    if (resourceVersion !== undefined) this.#own.set(key, resourceVersion);
    this.#set(key, this.trimmed(object), true);
  }

  /** Takes a complete list. What it does not have is gone, unless it was written here after the list was made. */
  replace(objects: readonly Manifest[], resourceVersion: string | undefined): void {
    this.#seen = undefined;
    const listed = new Set<Key>();
    for (const object of objects) {
      const key = keyOf(object);
      listed.add(key);
      if (!this.#ownIsNewer(key, object.metadata.resourceVersion)) this.#set(key, object);
    }
    for (const key of [...this.#objects.keys()]) {
      if (!listed.has(key) && !this.#ownIsNewer(key, resourceVersion)) this.#set(key, undefined);
    }
    this.passed(resourceVersion);
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** Takes an ADDED, MODIFIED or DELETED event of the watch. */
  event(type: string, object: Manifest): void {
    const key = keyOf(object);
    const held = this.#objects.get(key);
    const { resourceVersion } = object.metadata;
    // Older than what an own write left here: also the deletion of an object that was made anew since.
    const late = older(resourceVersion, held?.metadata.resourceVersion);
    if (!late) this.#set(key, type === "DELETED" ? undefined : this.trimmed(object));
    this.passed(resourceVersion);
  }

  /** Notes how far the watch has come. */
  passed(resourceVersion: string | undefined): void {
    this.#seen = resourceVersion;
    for (const [key, version] of this.#own) {
      if (!older(resourceVersion, version)) this.#own.delete(key);
    }
  }

  /** The object as it is kept. A list is made smaller page by page, so that it is never in memory as a whole. */
  trimmed(object: Manifest): Manifest {
    const { managedFields: _, ...metadata } = object.metadata;
    const { fieldsOf } = this.query;
    const kept = fieldsOf === undefined ? {} : { managedFields: writtenBy(fieldsOf, object) };
    const smaller = { ...object, metadata: { ...metadata, ...kept } };
    return this.query.trim === undefined ? smaller : this.query.trim(smaller);
  }

  #inNamespace(key: Key): Map<Key, Manifest> {
    const namespace = key.slice(0, key.indexOf("/"));
    const known = this.#byNamespace.get(namespace);
    if (known !== undefined) return known;
    const fresh = new Map<Key, Manifest>();
    this.#byNamespace.set(namespace, fresh);
    return fresh;
  }

  #ownIsNewer(key: Key, resourceVersion: string | undefined): boolean {
    return older(resourceVersion, this.#own.get(key));
  }

  #set(key: Key, now: Manifest | undefined, own?: true): void {
    const before = this.#objects.get(key);
    if (before === undefined && now === undefined) return;
    if (now === undefined) {
      this.#objects.delete(key);
      this.#own.delete(key);
      this.#inNamespace(key).delete(key);
    } else {
      const same =
        before?.metadata.uid === now.metadata.uid && before?.metadata.resourceVersion === now.metadata.resourceVersion;
      if (same && before !== undefined && now.metadata.resourceVersion !== undefined) return;
      this.#objects.set(key, now);
      this.#inNamespace(key).set(key, now);
    }
    this.#onChange(own ? { key, before, now, own } : { key, before, now });
  }
}

/** The entries of one manager, but for subresources. Their sets are kept as text: as trees they would outweigh the object. */
function writtenBy(manager: string, object: Manifest): readonly Json[] {
  return listAt(object, "metadata", "managedFields").flatMap((entry) => {
    if (!isObject(entry) || entry["manager"] !== manager || entry["subresource"] !== undefined) return [];
    const { fieldsV1, time: _, ...rest } = entry;
    return [{ ...rest, fieldsV1: typeof fieldsV1 === "string" ? fieldsV1 : stringify(fieldsV1) }];
  });
}
