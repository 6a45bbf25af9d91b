import type { Key, Manifest } from "../../api/objects.ts";
import { FIELD_MANAGER, Mark } from "../../api/v1alpha1/names.ts";
import { ownerOf } from "../../core/sync/owner.ts";
import { ApiError, type Discovery, type KindInfo } from "../../ports/cluster.ts";
import type { Change, ObjectCache, Watcher } from "../../ports/watch.ts";

/** A kind that cannot be listed at all must not hold up the others for longer, the first time and later. */
const FIRST_LIST_MS = 10_000;
const LATE_LIST_MS = 500;

/** Watches every kind that syncs apply, by the mark on the objects: drift is seen when it happens, and nothing is polled. */
export class ManagedObjects {
  readonly #watcher: Watcher;
  readonly #wake: (sync: Key) => void;
  readonly #signal: AbortSignal;
  readonly #caches = new Map<string, ObjectCache>();
  /** Those whose first list has been waited for in vain. */
  readonly #late = new Set<ObjectCache>();

  constructor(watcher: Watcher, wake: (sync: Key) => void, signal: AbortSignal) {
    this.#watcher = watcher;
    this.#wake = wake;
    this.#signal = signal;
  }

  /** The marked objects of a kind, complete. */
  async of(apiVersion: string, kind: string, signal: AbortSignal): Promise<ObjectCache> {
    const cache = this.open(apiVersion, kind);
    if (cache.synced) return cache;
    const limit = AbortSignal.timeout(this.#late.has(cache) ? LATE_LIST_MS : FIRST_LIST_MS);
    try {
      await this.#watcher.untilSynced([cache], AbortSignal.any([signal, limit]));
      return cache;
    } catch (error) {
      if (signal.aborted || !limit.aborted) throw error;
      this.#late.add(cache);
      throw new ApiError("Unavailable", `objects of ${apiVersion} ${kind} cannot be listed, so drift would go unseen`);
    }
  }

  /** The same cache, complete or not. */
  open(apiVersion: string, kind: string): ObjectCache {
    const id = `${apiVersion}/${kind}`;
    const known = this.#caches.get(id);
    if (known !== undefined) return known;
    const query = { apiVersion, kind, labelSelector: `${Mark.managed}=true`, fieldsOf: FIELD_MANAGER };
    const cache = this.#watcher.watch(query, (change) => this.#changed(change), this.#signal);
    this.#caches.set(id, cache);
    return cache;
  }

  /** The same cache if it is complete already; nothing is waited for. */
  complete(apiVersion: string, kind: string): ObjectCache | undefined {
    const cache = this.#caches.get(`${apiVersion}/${kind}`);
    return cache?.synced === true ? cache : undefined;
  }

  /** Wakes the sync that owns the object, or owned it before the change. The one that has just written it knows of it. */
  #changed({ before, now, own }: Change): void {
    const [was, is] = [before, now].map(keyOfOwner);
    if (own && (was ?? is) === is) return;
    for (const key of new Set([was, is])) if (key !== undefined) this.#wake(key);
  }
}

function keyOfOwner(object: Manifest | undefined): Key | undefined {
  const owner = object === undefined ? undefined : ownerOf(object);
  return owner === undefined ? undefined : `${owner.namespace}/${owner.name}`;
}

/** Asks discovery for every kind of a set at once, so that the pure core can look them up. */
export async function kindsOf(
  objects: readonly { readonly object: Manifest }[],
  discovery: Discovery,
  signal: AbortSignal,
): Promise<(apiVersion: string, kind: string) => KindInfo | "Silent" | undefined> {
  const found = new Map<string, KindInfo | "Silent" | undefined>();
  let answers = 0;
  let trouble: unknown;
  for (const { object } of objects) {
    const id = `${object.apiVersion}/${object.kind}`;
    if (found.has(id)) continue;
    try {
      found.set(id, await discovery.kind(object.apiVersion, object.kind, signal));
      answers += 1;
    } catch (error) {
      signal.throwIfAborted();
      found.set(id, "Silent");
      trouble = error;
    }
  }
  // A group whose own API server is down waits alone; when none answers, all is down.
  if (trouble !== undefined && answers === 0) throw trouble;
  return (apiVersion, kind) => found.get(`${apiVersion}/${kind}`);
}
