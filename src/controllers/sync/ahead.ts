import { firstPlanOf, firstPlanText } from "../../api/v1alpha1/firstPlan.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { hasAll, type Inventory } from "../../core/sync/inventory.ts";
import type { Attempt } from "../../core/sync/outcome.ts";
import type { ManagedObjects } from "./kinds.ts";
import type { SyncWorld } from "./world.ts";

/** What a pass is about to do. */
export interface Plan {
  readonly attempt: Attempt;
  /** How many objects the commit has. */
  readonly objects: number;
  readonly inventory: Inventory;
  readonly isThere: (entry: InventoryEntry) => boolean;
}

/**
 * Write-ahead: what is about to be applied is in the inventory first, so a crash orphans nothing, and the finalizer is there,
 * so a deletion prunes first. Answers the sync as stored.
 */
export async function storeAhead(
  world: SyncWorld,
  sync: GitSync,
  { attempt, objects, inventory, isThere }: Plan,
  signal: AbortSignal,
): Promise<GitSync> {
  if (inventory.length === 0) return sync;
  let current = sync;
  if (!sync.object.metadata.finalizers?.includes(Mark.finalizer)) {
    // A small new set costs one write for both.
    const isNew = sync.status.inventory === undefined;
    current = await world.takeUp(sync, isNew ? firstPlanText(sync.object, inventory) : undefined, signal);
  }
  if (current.status.inventory === undefined) world.planned(current, inventory);
  // An annotation that somebody took away is no record.
  const stored = current.status.inventory ?? firstPlanOf(current.object) ?? [];
  if (!hasAll(stored, inventory)) return world.begin(current, attempt, objects, inventory, signal);
  return stored.every(isThere) ? current : world.remember(current, inventory, signal);
}

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
