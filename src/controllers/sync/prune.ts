import { type Manifest, title } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/gitsync.ts";
import { type Member, wantedIds } from "../../core/sync/desiredSet.ts";
import { type Inventory, prunable, refOfEntry, withoutPruned } from "../../core/sync/inventory.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import type { SyncName } from "../../core/sync/owner.ts";
import { type PruneDecision, type PruneInput, planPrune } from "../../core/sync/prune.ts";
import { ApiError, type Cluster, type Identity, isApiError } from "../../ports/cluster.ts";
import { lacksPermission, refusal } from "./failure.ts";

/** What a prune is asked with. */
export interface PruneRequest
  extends Pick<
    PruneInput,
    "inventory" | "claimedBy" | "unasked" | "operatorNamespace" | "healthy" | "rolloutsAtRest" | "confirmed" | "enabled"
  > {
  readonly sync: SyncName;
  readonly members: readonly Member[];
  readonly identity: Identity;
}

/** What a prune did. `inventory` keeps the survivors: an object whose deletion failed is tried again. */
export interface Pruned {
  readonly decision: PruneDecision;
  readonly inventory: Inventory;
  readonly deleted: readonly string[];
  readonly failures: readonly Failure[];
}

/** Reads what Git no longer has, decides, and deletes what may go. */
export async function prune(request: PruneRequest, cluster: Cluster, signal: AbortSignal): Promise<Pruned> {
  const { inventory, members, sync } = request;
  const live = new Map<string, Manifest | undefined | "Unreadable">();
  // Where nothing may be deleted, nothing is read: that can last for ever.
  for (const entry of request.enabled ? prunable(inventory, members) : [])
    live.set(entry.id, await read(entry, cluster, signal));
  const decision = planPrune({ ...request, sync, wanted: wantedIds(members), live: (id) => live.get(id) });
  if (decision.kind !== "Prune") return { decision, inventory, deleted: [], failures: [] };
  const gone: string[] = decision.forget.map(({ id }) => id);
  const deleted: string[] = [];
  const failures: Failure[] = [];
  for (const { id, ref, uid, resourceVersion } of decision.remove) {
    const precise = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }), ...request.identity };
    try {
      await cluster.remove(ref, precise, signal);
      gone.push(id);
      deleted.push(id);
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind === "Fenced") throw error;
      const reason = lacksPermission(error) ? "Forbidden" : "PruneFailed";
      failures.push({ ref, reason, message: refusal(error, `cannot delete ${title(ref)}: `, "was not deleted") });
    }
  }
  return { decision, inventory: withoutPruned(inventory, gone), deleted, failures };
}

/** Absent is not unreadable: only the API server's own word counts as absent. */
async function read(
  entry: InventoryEntry,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Manifest | undefined | "Unreadable"> {
  const ref = refOfEntry(entry);
  if (ref === undefined) return "Unreadable";
  try {
    return await cluster.get(ref, signal);
  } catch (error) {
    if (isApiError(error, "UnknownKind")) return undefined;
    if (isApiError(error)) return "Unreadable";
    throw error;
  }
}
