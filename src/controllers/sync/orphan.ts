import { refOf, title } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { isOurs, unmarked } from "../../core/sync/farewell.ts";
import { type Inventory, refOfEntry } from "../../core/sync/inventory.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import type { Kept } from "../../core/sync/prune.ts";
import { ApiError, type Identity, isApiError } from "../../ports/cluster.ts";
import { mapLimited } from "./applyAll.ts";
import { lacksPermission, refusal } from "./failure.ts";
import { look, type Pruned, type PruneParts } from "./prune.ts";

/** Takes the marks off all objects of a sync, which stay. Answers like a prune that deletes nothing. */
export async function orphan(
  parts: PruneParts,
  sync: GitSync,
  inventory: Inventory,
  identity: Identity,
  signal: AbortSignal,
): Promise<Pruned> {
  const { namespace = "", name: own } = sync.object.metadata;
  const name = { namespace, name: own };
  const failures: Failure[] = [];
  const keep: Kept[] = [];
  const one = async (entry: InventoryEntry): Promise<void> => {
    const ref = refOfEntry(entry);
    if (ref === undefined) return;
    const live = await look(entry, parts, signal);
    if (live === "Unreadable") keep.push({ id: entry.id, why: "Unreadable", message: `${title(ref)} cannot be read` });
    if (live === undefined || live === "Unreadable" || !isOurs(entry, live, name)) return;
    try {
      await parts.cluster.patch(refOf(live), unmarked(live), identity, signal);
    } catch (error) {
      if (isApiError(error, "NotFound")) return;
      if (!(error instanceof ApiError) || error.kind === "Fenced") throw error;
      const reason = lacksPermission(error) ? "Forbidden" : "PruneFailed";
      const message = refusal(error, `cannot patch ${title(ref)}: `, "keeps Fairlead's marks");
      failures.push({ ref, reason, message });
    }
  };
  await mapLimited(inventory, one);
  return { decision: { kind: "Prune", remove: [], forget: [], keep }, inventory, deleted: [], failures };
}
