import type { JsonObject } from "../../api/json.ts";
import { type Manifest, title } from "../../api/objects.ts";
import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { some } from "../status/text.ts";
import type { Failure } from "./outcome.ts";
import { ownerOf, type SyncName, sameSync } from "./owner.ts";
import type { Kept } from "./prune.ts";

/** What becomes of the objects of a deleted sync. Leave: not even the marks are touched. */
export type Farewell = "Prune" | "Wait" | "Orphan" | "Leave";

/** How long a deleted sync works on what it leaves, in milliseconds: a deletion must not hang for ever. */
export const FAREWELL_LIMIT_MS = 600_000;

const LISTED = 10;

/** What the spec says of the objects of a sync that is deleted. A suspended sync writes nothing, whatever else it says. */
export function farewellOf({ suspend, prune, deletionPolicy }: GitSyncSpec): Farewell {
  if (suspend) return "Leave";
  return deletionPolicy ?? (prune ? "Prune" : "Orphan");
}

/** Tells whether a live object is the one of an inventory entry, and this sync's: only its marks may be taken off. */
export function isOurs({ uid }: InventoryEntry, live: Manifest, sync: SyncName): boolean {
  const owner = ownerOf(live);
  return owner !== undefined && sameSync(owner, sync) && (uid === undefined || uid === live.metadata.uid);
}

/** What a try to part from the objects has left. */
export interface Leavings {
  readonly policy: Farewell;
  readonly failures: readonly Failure[];
  readonly keep: readonly Kept[];
  /** Since the sync was deleted, in milliseconds. */
  readonly elapsedMs: number;
}

/** Stay: try again. Go: let the sync go; `message` names what is left behind, if anything is. */
export type Parting =
  | { readonly kind: "Stay"; readonly message: string }
  | { readonly kind: "Go"; readonly message?: string };

/**
 * Decides whether a deleted sync stays. A right that the account lacks does not come back by waiting: with a namespace its
 * RoleBindings go too. Everything else is tried again until the limit.
 */
export function parting({ policy, failures, keep, elapsedMs }: Leavings): Parting {
  const stuck = failures.map(({ ref, message }) => `${title(ref)} ${message}`);
  const unread = keep.filter(({ why }) => why === "Unreadable").map(({ message }) => message);
  const going = keep.filter(({ why }) => why === "Terminating").map(({ message }) => message);
  const waits = policy === "Wait" ? going : [];
  const mendable = failures.some(({ reason }) => reason !== "Forbidden") || unread.length > 0 || waits.length > 0;
  const all = [...stuck, ...unread, ...waits];
  if (mendable && elapsedMs < FAREWELL_LIMIT_MS) {
    const limit = `what is still there after ${FAREWELL_LIMIT_MS / 60_000} minutes is left behind`;
    return { kind: "Stay", message: `the sync is being deleted, and waits: ${some(all, LISTED, "; ")}; ${limit}` };
  }
  return all.length === 0 ? { kind: "Go" } : { kind: "Go", message: `left behind: ${some(all, LISTED, "; ")}` };
}

/** The merge patch that takes Fairlead's marks off an object, as it was seen. */
export function unmarked({ metadata: { resourceVersion } }: Manifest): JsonObject {
  const labels = { [Mark.managed]: null };
  const annotations = { [Mark.owner]: null };
  return { metadata: { ...(resourceVersion === undefined ? {} : { resourceVersion }), labels, annotations } };
}
