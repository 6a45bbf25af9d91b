import { listAt, stringAt } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import { API_VERSION } from "../../api/v1alpha1/names.ts";
import { dependenciesOf } from "../../core/sync/dependencies.ts";
import type { Change, ObjectCache, Watcher } from "../../ports/watch.ts";
import { Holdings } from "./holdings.ts";
import type { Source } from "./secrets.ts";
import { askedBy } from "./source.ts";
import type { SyncStates } from "./state.ts";

/** All syncs, and what each has stored as its own. */
export interface SyncCaches {
  readonly syncs: ObjectCache;
  readonly holdings: Holdings;
}

/** What hears of the syncs. */
export interface SyncListeners {
  readonly states: SyncStates;
  /** In epoch milliseconds. */
  readonly now: () => number;
  readonly wake: (key: Key) => void;
  /** A sync has changed, perhaps by its own work: others may wait for that. */
  readonly changed?: (key: Key) => void;
}

/** Watches the syncs themselves. */
export function watchSyncs(
  watcher: Watcher,
  { states, now, wake, changed }: SyncListeners,
  signal: AbortSignal,
): SyncCaches {
  const holdings = new Holdings();
  const onChange = (change: Change): void => {
    // One that was made anew has nothing to do with what was read and planned for the one before.
    if (change.before !== undefined && change.before.metadata.uid !== change.now?.metadata.uid)
      states.forget(change.key);
    holdings.note(change);
    if (change.now !== undefined) states.hear(change.key, askedBy(change.now), now());
    changed?.(change.key);
    if (!isOwnWord(change)) wake(change.key);
  };
  return { syncs: watcher.watch({ apiVersion: API_VERSION, kind: "GitSync" }, onChange, signal), holdings };
}

/** Whether a sync has but told of itself: what it says asks for no look at it. */
function isOwnWord({ before, now, own }: Change): boolean {
  if (!own || before === undefined || now === undefined || before.metadata.uid !== now.metadata.uid) return false;
  return askedBy(before) === askedBy(now) && before.metadata.deletionTimestamp === now.metadata.deletionTimestamp;
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

/** The syncs that name a Secret or a ConfigMap. */
export function syncsNaming(syncs: ObjectCache, key: Key, kind: Source): readonly Key[] {
  return syncs
    .list()
    .filter((sync) => namedBy(sync, kind).some((name) => `${sync.metadata.namespace}/${name}` === key))
    .map(keyOf);
}

function namedBy(sync: Manifest, kind: Source): readonly (string | undefined)[] {
  const values = listAt(sync, "spec", "substitute", "from")
    .filter((from) => stringAt(from, "kind") === kind)
    .map((from) => stringAt(from, "name"));
  if (kind === "ConfigMap") return values;
  const places = [
    ["secretRef"],
    ["proxySecretRef"],
    ["webhook", "secretRef"],
    ["verify", "secretRef"],
    ["decryption", "secretRef"],
  ];
  const secrets = places.map((path) => stringAt(sync, "spec", ...path, "name"));
  return [...secrets, ...values];
}
