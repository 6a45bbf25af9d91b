import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import type { ManagedObjects } from "./kinds.ts";

/**
 * Tells which recorded objects are still there, by the watches. What is applied in the place of one that is gone or was replaced
 * has another uid: a crash before that is stored would leave it with our mark and a record that says it is somebody else's.
 * Where a watch is not complete, the record stands; nothing of that kind is applied either.
 */
export async function stillThere(
  managed: ManagedObjects,
  members: readonly Member[],
  signal: AbortSignal,
): Promise<(entry: InventoryEntry) => boolean> {
  const refs = new Map(members.filter(({ served }) => served === "Yes").map(({ id, ref }) => [id, ref]));
  const kinds = new Map([...refs.values()].map((ref) => [`${ref.apiVersion}/${ref.kind}`, ref]));
  await Promise.allSettled([...kinds.values()].map(({ apiVersion, kind }) => managed.of(apiVersion, kind, signal)));
  signal.throwIfAborted();
  return ({ id, uid }) => {
    const ref = refs.get(id);
    const watched = ref === undefined ? undefined : managed.complete(ref.apiVersion, ref.kind);
    if (ref === undefined || watched === undefined || uid === undefined) return true;
    return watched.get(`${ref.namespace ?? ""}/${ref.name}`)?.metadata.uid === uid;
  };
}
