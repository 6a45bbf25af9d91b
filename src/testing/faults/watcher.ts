import { WatchedCache } from "../../adapters/kubernetes/cache.ts";
import { matchesSelector } from "../../adapters/kubernetes/selector.ts";
import type { Manifest } from "../../api/objects.ts";
import { ApiError } from "../../ports/cluster.ts";
import type { Change, ObjectCache, Watcher, WatchQuery } from "../../ports/watch.ts";
import type { StoryStore } from "./store.ts";

/** Watches of the store in memory, which tell of changes only when the story says so. */
export class StoryWatcher implements Watcher {
  readonly #store: StoryStore;
  readonly #watches: { readonly cache: WatchedCache; seen: number }[] = [];
  /** First lists are answered with an error. */
  listsFail = false;

  constructor(store: StoryStore) {
    this.#store = store;
  }

  watch(query: WatchQuery, onChange: (change: Change) => void): ObjectCache {
    const cache = new WatchedCache(query, onChange);
    const watch = { cache, seen: 0 };
    this.#watches.push(watch);
    if (!this.listsFail) this.#list(watch);
    return cache;
  }

  async untilSynced(caches: readonly ObjectCache[]): Promise<void> {
    await Promise.resolve();
    if (caches.some(({ synced }) => !synced)) throw new ApiError("Unavailable", "cannot list", { code: 503 });
  }

  /** Tells all watches what has happened; with a gap between, they list anew and hear of the outcome alone. */
  deliver(gap: boolean): void {
    for (const watch of this.#watches) {
      if (!watch.cache.synced || gap) {
        if (!this.listsFail) this.#list(watch);
        continue;
      }
      for (const { type, object, version } of this.#store.since(watch.seen)) {
        watch.seen = version;
        if (!isOf(watch.cache.query, object)) continue;
        const gone = type === "DELETED" || !selected(watch.cache.query, object);
        watch.cache.event(gone ? "DELETED" : type, object);
      }
    }
  }

  #list(watch: { readonly cache: WatchedCache; seen: number }): void {
    const { query } = watch.cache;
    const objects = this.#store.all().filter((object) => isOf(query, object) && selected(query, object));
    watch.seen = this.#store.version;
    watch.cache.replace(
      objects.map((object) => watch.cache.trimmed(object)),
      this.#store.resourceVersion,
    );
  }
}

function isOf(query: WatchQuery, object: Manifest): boolean {
  const here = query.namespace === undefined || query.namespace === object.metadata.namespace;
  return here && object.apiVersion === query.apiVersion && object.kind === query.kind;
}

function selected(query: WatchQuery, object: Manifest): boolean {
  return matchesSelector(query.labelSelector ?? "", object.metadata.labels ?? {});
}
