import { firstPlanOf } from "../../api/v1alpha1/firstPlan.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { isOurs } from "../../core/sync/farewell.ts";
import type { Inventory } from "../../core/sync/inventory.ts";
import { mapLimited } from "./applyAll.ts";
import { look, type PruneParts } from "./prune.ts";
import type { SyncState } from "./state.ts";

/** What a sync has applied or is about to apply: as its status says, or before it has an inventory, as this process planned. */
export function recordOf({ status }: GitSync, { planned }: SyncState): Inventory {
  return status.inventory ?? planned ?? [];
}

/**
 * After a crash before the first report: what the former process planned and has applied. The annotation alone proves nothing,
 * as whoever may edit a sync may write it; the marks on the objects do. An object that cannot be read stays on record.
 */
export async function recover(sync: GitSync, state: SyncState, parts: PruneParts, signal: AbortSignal): Promise<void> {
  if (sync.status.inventory !== undefined || state.planned !== undefined) return;
  const plan = firstPlanOf(sync.object);
  if (plan === undefined) return;
  const { namespace = "", name } = sync.object.metadata;
  const proven: InventoryEntry[] = [];
  await mapLimited(plan, async (entry) => {
    const live = await look(entry, parts, signal);
    if (live !== undefined && (live === "Unreadable" || isOurs(entry, live, { namespace, name }))) proven.push(entry);
  });
  state.planned = proven;
}
