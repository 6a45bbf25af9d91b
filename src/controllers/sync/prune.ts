import { groupOf, type Manifest, title } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { type Member, wantedIds } from "../../core/sync/desiredSet.ts";
import { kindOfDefinition, type Removal } from "../../core/sync/guard.ts";
import { type Inventory, prunable, refOfEntry, withoutPruned } from "../../core/sync/inventory.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import type { SyncName } from "../../core/sync/owner.ts";
import { type PruneDecision, type PruneInput, planPrune } from "../../core/sync/prune.ts";
import { ApiError, type Census, type Cluster, type Identity, isApiError } from "../../ports/cluster.ts";
import { mapLimited } from "./applyAll.ts";
import { lacksPermission, refusal } from "./failure.ts";
import type { ManagedObjects } from "./kinds.ts";

/** What a prune is asked with. */
export interface PruneRequest
  extends Pick<
    PruneInput,
    | "inventory"
    | "claimedBy"
    | "neededBy"
    | "unasked"
    | "operatorNamespace"
    | "healthy"
    | "rolloutsAtRest"
    | "confirmed"
    | "enabled"
  > {
  readonly sync: SyncName;
  readonly members: readonly Member[];
  readonly identity: Identity;
  /** Remembers between passes how many objects a definition had when its deletion was first planned, by the definition's uid. */
  readonly counts: Map<string, number>;
}

/** What pruning takes. */
export interface PruneParts {
  readonly cluster: Cluster & Census;
  readonly managed: ManagedObjects;
}

/** What a prune did. `inventory` keeps the survivors: an object whose deletion failed or has not ended is looked at again. */
export interface Pruned {
  readonly decision: PruneDecision;
  readonly inventory: Inventory;
  readonly deleted: readonly string[];
  readonly failures: readonly Failure[];
}

type Live = Manifest | undefined | "Unreadable";

/** So often an object may move on between the look at it and its deletion. */
const LOOKS = 3;

/** Looks at what Git no longer has, decides, and deletes what may go. */
export async function prune(request: PruneRequest, parts: PruneParts, signal: AbortSignal): Promise<Pruned> {
  const { inventory, members } = request;
  const live = new Map<string, Live>();
  const inhabitants = (id: string) => request.counts.get(uidOf(live.get(id)));
  const plan = () => planPrune({ ...request, wanted: wantedIds(members), live: (id) => live.get(id), inhabitants });
  // Where nothing may be deleted, nothing is read: that can last for ever.
  const leaving = request.enabled ? prunable(inventory, members) : [];
  await mapLimited(leaving, async (entry) => live.set(entry.id, await look(entry, parts, signal)));
  if (!request.confirmed) await countInhabitants([...live.values()], request.counts, parts, signal);
  const decision = plan();
  if (decision.kind !== "Prune") return { decision, inventory, deleted: [], failures: [] };
  const deleted: string[] = [];
  const failures: Failure[] = [];
  const removeOne = async (removal: Removal): Promise<void> => {
    try {
      const left = await remove(removal, request.identity, live, plan, parts, signal);
      if (left === undefined) deleted.push(removal.id);
      live.set(removal.id, left);
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind === "Fenced") throw error;
      const { ref } = removal;
      const reason = lacksPermission(error) ? "Forbidden" : "PruneFailed";
      failures.push({ ref, reason, message: refusal(error, `cannot delete ${title(ref)}: `, "was not deleted") });
    }
  };
  for (const alike of byKind(decision.remove)) await mapLimited(alike, removeOne);
  const after = plan();
  const gone = [...decision.forget.map(({ id }) => id), ...deleted];
  const keep = after.kind === "Prune" ? after.keep : decision.keep;
  return { decision: { ...decision, keep }, inventory: withoutPruned(inventory, gone), deleted, failures };
}

/** Counts what goes with the definitions among the objects. A count only informs: without one, the definition is held as well. */
async function countInhabitants(
  objects: readonly Live[],
  counts: Map<string, number>,
  { cluster }: PruneParts,
  signal: AbortSignal,
): Promise<void> {
  for (const object of objects) {
    const kind = kindOfDefinition(object);
    if (kind === undefined || counts.has(uidOf(object))) continue;
    try {
      counts.set(uidOf(object), await cluster.count(kind.apiVersion, kind.kind, signal));
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
  }
}

function uidOf(live: Live): string {
  return typeof live === "object" ? (live.metadata.uid ?? "") : "";
}

/**
 * What is live, by the watch that tells of drift as well: a deletion that is held for weeks costs no request.
 * Absent is not unreadable, and only the API server's own word counts as absent.
 */
export async function look(
  entry: InventoryEntry,
  { cluster, managed }: PruneParts,
  signal: AbortSignal,
): Promise<Live> {
  const ref = refOfEntry(entry);
  if (ref === undefined) return "Unreadable";
  const watched = managed.complete(ref.apiVersion, ref.kind)?.get(`${ref.namespace ?? ""}/${ref.name}`);
  if (watched !== undefined) return watched;
  try {
    const live = await cluster.get(ref, signal);
    if (live !== undefined) managed.open(ref.apiVersion, ref.kind);
    return live;
  } catch (error) {
    if (isApiError(error, "UnknownKind")) return undefined;
    if (isApiError(error) && error.kind !== "Fenced") return "Unreadable";
    throw error;
  }
}

/** Deletes one object, as it was seen. What has moved on is looked at and judged again. Answers what is left of it. */
async function remove(
  removal: Removal,
  identity: Identity,
  live: Map<string, Live>,
  plan: () => PruneDecision,
  { cluster }: PruneParts,
  signal: AbortSignal,
): Promise<Live> {
  let { id, ref, uid, resourceVersion } = removal;
  for (let looks = 1; ; looks++) {
    try {
      const precise = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }), ...identity };
      const left = await cluster.remove(ref, precise, signal);
      return typeof left === "string" ? undefined : left;
    } catch (error) {
      if (!isApiError(error, "Conflict") || looks === LOOKS) throw error;
      live.set(id, await cluster.get(ref, signal));
      const again = plan();
      const still = again.kind === "Prune" ? again.remove.find((one) => one.id === id) : undefined;
      if (still === undefined) return live.get(id);
      ({ id, ref, uid, resourceVersion } = still);
    }
  }
}

/** In the order given, those of one kind together: only the order of kinds matters. */
function byKind(removals: readonly Removal[]): readonly (readonly Removal[])[] {
  const groups: Removal[][] = [];
  let kind: string | undefined;
  for (const removal of removals) {
    const own = `${groupOf(removal.ref.apiVersion)}/${removal.ref.kind}`;
    if (own !== kind) groups.push([]);
    kind = own;
    groups.at(-1)?.push(removal);
  }
  return groups;
}
