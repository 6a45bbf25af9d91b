import { stringAt } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import { API_VERSION } from "../../api/v1alpha1/names.ts";
import { dependenciesOf } from "../../core/sync/dependencies.ts";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";

/** Watches the syncs themselves. */
export function watchSyncs(watcher: Watcher, wake: (key: Key) => void, signal: AbortSignal): ObjectCache {
  return watcher.watch({ apiVersion: API_VERSION, kind: "GitSync" }, ({ key }) => wake(key), signal);
}

/** The syncs that wait, or may come to wait, for another one. */
export function dependentsOf(syncs: ObjectCache, key: Key): readonly Key[] {
  return syncs
    .list()
    .filter((sync) => dependenciesOf(sync).includes(key))
    .map(keyOf);
}

/** The syncs that follow the same repository as one of them, which is among them. */
export function syncsOfRepository(syncs: ObjectCache, key: Key): readonly Key[] {
  const sync = syncs.get(key);
  const url = sync === undefined ? undefined : stringAt(sync, "spec", "url");
  if (url === undefined) return [];
  return syncs
    .list()
    .filter((other) => stringAt(other, "spec", "url") === url)
    .map(keyOf);
}

/** The syncs that name a Secret. */
export function syncsOfSecret(syncs: ObjectCache, secret: Key): readonly Manifest[] {
  return syncs.list().filter((sync) => {
    const places = [["secretRef"], ["proxySecretRef"], ["webhook", "secretRef"], ["verify", "secretRef"]];
    const names = places.map((place) => stringAt(sync, "spec", ...place, "name"));
    return names.some((name) => name !== undefined && `${sync.metadata.namespace}/${name}` === secret);
  });
}
