import { groupOf, identity, type ObjectRef, refOf, title } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { API_VERSION, Mark } from "../../api/v1alpha1/names.ts";
import { count, some } from "../status/text.ts";
import { foreigners, guard, heldMessage, type Inhabited, type Removal } from "./guard.ts";
import { type Inventory, refOfEntry } from "./inventory.ts";
import { pruneOrder } from "./order.ts";
import { ownerOf, protectedNamespace, type SyncName, sameSync } from "./owner.ts";

/** What a prune is planned from. */
export interface PruneInput extends Inhabited {
  readonly inventory: Inventory;
  /** `wantedIds` of the desired set: none of them is ever removed. */
  readonly wanted: ReadonlySet<string>;
  /** The other sync whose desired set has the object now, `namespace/name`: it takes the object over, so it isn't deleted. */
  readonly claimedBy?: (id: string) => string | undefined;
  /** The revision whose pods cannot start without the object, where Git may still go back to it. */
  readonly neededBy?: (ref: ObjectRef) => string | undefined;
  /** Syncs of the same source that have not looked at this commit yet: one of them may take an object over. */
  readonly unasked?: readonly string[];
  readonly sync: SyncName;
  readonly operatorNamespace: string;
  /** The set is applied as a whole, and every object of it is healthy. */
  readonly healthy: boolean;
  readonly rolloutsAtRest: boolean;
  /** The commit carries the confirmation. */
  readonly confirmed: boolean;
  /** spec.prune. */
  readonly enabled: boolean;
}

/** An entry that leaves the inventory without a deletion. `message` says what happened to the object. */
export interface Forgotten {
  readonly id: string;
  readonly why: "Absent" | "Replaced" | "Unmarked" | "OwnedByOther" | "PruneDisabled" | "Protected" | "Itself";
  readonly message: string;
}

/** An entry that stays in the inventory and is looked at again. */
export interface Kept {
  readonly id: string;
  readonly why: "Unreadable" | "Claimed" | "Needed" | "Terminating" | "Malformed";
  readonly message: string;
}

/** What becomes of the objects that Git no longer has. */
export type PruneDecision =
  | { readonly kind: "Nothing" }
  | {
      readonly kind: "Deferred";
      readonly because: "Disabled" | "Unasked" | "Unhealthy" | "RolloutUnderWay";
      readonly reason: "PruneDeferred";
      readonly message: string;
    }
  | { readonly kind: "Held"; readonly reason: "PruneHeld"; readonly message: string; readonly ids: readonly string[] }
  | {
      readonly kind: "Prune";
      /** In the order of deletion. */
      readonly remove: readonly Removal[];
      readonly forget: readonly Forgotten[];
      readonly keep: readonly Kept[];
    };

const LISTED = 10;

type Verdict =
  | ({ readonly kind: "Remove" } & Removal)
  | ({ readonly kind: "Forget" } & Forgotten)
  | ({ readonly kind: "Keep" } & Kept);

/**
 * Decides what to delete. An object goes only when no other uid than its own is recorded, its owner mark names us and itself,
 * and nothing protects it. An entry without a uid is of an apply that a crash cut off: there the mark alone is the proof.
 * What would go beyond the guard is held before it is deferred: people see at once that they are asked.
 */
export function planPrune(input: PruneInput): PruneDecision {
  const { inventory, wanted } = input;
  const unwanted = inventory.filter(({ id }) => !wanted.has(id));
  if (unwanted.length === 0) return { kind: "Nothing" };
  if (!input.enabled) {
    return deferred(
      "Disabled",
      `spec.prune is false, so ${count(unwanted.length, "object")} that Git no longer has stay`,
    );
  }
  const wantedUids = new Set(inventory.flatMap(({ id, uid }) => (wanted.has(id) && uid !== undefined ? [uid] : [])));
  const verdicts = unwanted.map((entry) => judge(entry, input, wantedUids));
  const remove = pruneOrder(verdicts.filter((verdict) => verdict.kind === "Remove"));
  const forget = verdicts.filter((verdict) => verdict.kind === "Forget");
  const keep = verdicts.filter((verdict) => verdict.kind === "Keep");

  // Before the guard: what another sync is about to take over must alarm nobody.
  const { unasked = [] } = input;
  if (remove.length > 0 && unasked.length > 0) {
    return deferred(
      "Unasked",
      `${deletions(remove)} waits until GitSync ${some(unasked, 3)} has looked at this commit`,
    );
  }
  // What cannot be read now goes when it can: in two helpings, more would go than a person was asked about.
  const going = [...remove, ...unread(unwanted, keep)];
  const alarm = remove.length === 0 ? undefined : guard(going, going.length + inventory.length - unwanted.length);
  if (alarm !== undefined && !input.confirmed) {
    const message = heldMessage(going, alarm, (removal) => foreigners(removal, remove, input));
    return { kind: "Held", reason: "PruneHeld", message, ids: remove.map(({ id }) => id) };
  }
  if (remove.length > 0 && !input.healthy) {
    return deferred("Unhealthy", `${deletions(remove)} waits until every object of the set is applied and healthy`);
  }
  if (remove.length > 0 && !input.rolloutsAtRest) {
    return deferred("RolloutUnderWay", `${deletions(remove)} waits until no rollout of the set is under way`);
  }
  return {
    kind: "Prune",
    remove: remove.map(({ kind: _, ...removal }) => removal),
    forget: forget.map(({ kind: _, ...forgotten }) => forgotten),
    keep: keep.map(({ kind: _, ...kept }) => kept),
  };
}

/** Objects that may turn out to be ours to delete. */
function unread(unwanted: Inventory, keep: readonly Kept[]): readonly Removal[] {
  const ids = new Set(keep.filter(({ why }) => why === "Unreadable").map(({ id }) => id));
  return unwanted.flatMap((entry) => {
    const ref = ids.has(entry.id) ? refOfEntry(entry) : undefined;
    return ref === undefined ? [] : [{ id: entry.id, ref, uid: entry.uid ?? "" }];
  });
}

/** The questions in order: each has an answer that leaves the object alone, and only the last line deletes. */
function judge(entry: InventoryEntry, input: PruneInput, wantedUids: ReadonlySet<string>): Verdict {
  const { id } = entry;
  const ref = refOfEntry(entry);
  if (ref === undefined) {
    return {
      kind: "Keep",
      id,
      why: "Malformed",
      message: `the inventory entry "${id}" names no object; remove it from status.inventory`,
    };
  }
  const name = title(ref);
  const forget = (why: Forgotten["why"], message: string): Verdict => ({
    kind: "Forget",
    id,
    why,
    message: `${name} ${message}`,
  });
  const keep = (why: Kept["why"], message: string): Verdict => ({
    kind: "Keep",
    id,
    why,
    message: `${name} ${message}`,
  });

  const live = input.live(id);
  if (live === "Unreadable") return keep("Unreadable", "cannot be read, so it is not deleted");
  if (live === undefined) return forget("Absent", "is gone already");
  const { uid, resourceVersion } = live.metadata;
  if (uid === undefined || identity(refOf(live)) !== id) return keep("Unreadable", "was answered with another object");
  if ((entry.uid !== undefined && entry.uid !== uid) || wantedUids.has(uid)) {
    return forget("Replaced", "is no longer the object that was applied, and stays");
  }
  const owner = ownerOf(live);
  if (owner === undefined) return forget("Unmarked", `has no ${Mark.owner} annotation of its own, and stays`);
  if (!sameSync(owner, input.sync))
    return forget("OwnedByOther", `belongs to GitSync ${owner.namespace}/${owner.name} now`);
  const foreign = protectedNamespace(ref, input.operatorNamespace);
  if (foreign !== undefined) return forget("Protected", `stays: nothing in ${foreign} is ever deleted`);
  if (isItself(ref, input.sync)) return forget("Itself", "stays: a sync never deletes itself");
  if (live.metadata.annotations?.[Mark.prune] === "disabled")
    return forget("PruneDisabled", `stays: ${Mark.prune} is disabled on it`);
  const claimant = input.claimedBy?.(id);
  if (claimant !== undefined) return keep("Claimed", `is taken over by GitSync ${claimant}`);
  const needed = input.neededBy?.(ref);
  if (needed !== undefined) return keep("Needed", `stays until revision ${needed}, whose pods use it, is gone`);
  if (live.metadata.deletionTimestamp !== undefined) {
    const finalizers = live.metadata.finalizers ?? [];
    return keep(
      "Terminating",
      `is being deleted${finalizers.length > 0 ? `; it waits for ${some(finalizers, 3)}` : ""}`,
    );
  }
  return { kind: "Remove", id, ref, uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}

function isItself(ref: ObjectRef, sync: SyncName): boolean {
  const fairlead = groupOf(ref.apiVersion) === groupOf(API_VERSION) && ref.kind === "GitSync";
  return fairlead && ref.namespace === sync.namespace && ref.name === sync.name;
}

function deferred(because: "Disabled" | "Unasked" | "Unhealthy" | "RolloutUnderWay", message: string): PruneDecision {
  return { kind: "Deferred", because, reason: "PruneDeferred", message: `${message}.` };
}

function deletions(remove: readonly Removal[]): string {
  return `The deletion of ${some(
    remove.map(({ ref }) => title(ref)),
    LISTED,
  )}`;
}
