import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { fits } from "../../api/v1alpha1/packing.ts";
import { type DesiredSet, desiredSet, type Member } from "../../core/sync/desiredSet.ts";
import { hasAll, type Inventory, planned } from "../../core/sync/inventory.ts";
import { kindsOf } from "./kinds.ts";
import { recordOf } from "./record.ts";
import type { Content, SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** The desired set of rendered objects. One whose inventory could not be stored is refused: nobody would know what to delete. */
export async function setOf(
  world: SyncWorld,
  rendered: Content["rendered"],
  sync: GitSync,
  state: SyncState,
  signal: AbortSignal,
): Promise<DesiredSet> {
  const kinds = await kindsOf(rendered, world.discovery, signal);
  const { namespace = "", name } = sync.object.metadata;
  const set = desiredSet(rendered, { sync: { namespace, name }, operatorNamespace: world.operatorNamespace, kinds });
  return set.kind === "Refused" || isStorable(recordOf(sync, state), set.members) ? set : tooLarge(set.members);
}

function isStorable(stored: Inventory, members: readonly Member[]): boolean {
  const inventory = planned(stored, members);
  return hasAll(stored, inventory) || fits(inventory);
}

function tooLarge(members: readonly Member[]): DesiredSet {
  const position = members[0]?.position ?? { file: ".", line: 1, column: 1 };
  const message = `the names of ${members.length} objects, with those still to be deleted, are too long for the inventory of one GitSync; give a part of the path to another one`;
  return { kind: "Refused", problems: [{ reason: "TooLarge", position, message }] };
}
