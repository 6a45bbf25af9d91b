import type { Key } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { confirmsPrune } from "../../core/sync/guard.ts";
import { type Inventory, prunable, withApplied } from "../../core/sync/inventory.ts";
import type { Assessment } from "./assess.ts";
import { type Pruned, prune } from "./prune.ts";
import type { Content, SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** A set that has been applied, and what was found of it. */
export interface AppliedSet {
  readonly sync: GitSync;
  readonly state: SyncState;
  readonly content: Content;
  readonly members: readonly Member[];
  readonly inventory: Inventory;
  readonly assessed: Assessment;
}

/** Deletes what Git no longer has, where the guards allow it, and tells the syncs that take over what this one lets go. */
export async function pruneLeftovers(world: SyncWorld, set: AppliedSet, signal: AbortSignal): Promise<Pruned> {
  const { sync, state, content, members, inventory, assessed } = set;
  const name = { namespace: sync.object.metadata.namespace ?? "", name: sync.object.metadata.name };
  const claims = new Map<string, Key>();
  // A newer commit that is refused for now may want what this one has let go.
  const isNewest = content === state.content;
  const enabled = sync.spec.prune && isNewest && state.hold === undefined && content.restored !== true;
  const leaving = enabled && prunable(inventory, members).length > 0;
  const pruned = await prune(
    {
      sync: name,
      members,
      identity: world.identityOf(sync),
      inventory: withApplied(inventory, assessed.uids),
      claimedBy: (id) => {
        const by = world.neighbours.claimedBy(id, name);
        if (by !== undefined) claims.set(id, by);
        return by;
      },
      neededBy: world.neededBy,
      unasked: leaving ? world.neighbours.unasked(sync, state) : [],
      operatorNamespace: world.operatorNamespace,
      healthy: assessed.complete,
      rolloutsAtRest: world.rolloutsAtRest(members),
      confirmed: confirmsPrune(content.commit.trailers),
      enabled,
      counts: state.counts,
    },
    world,
    signal,
  );
  // They may have been waiting for this sync to let go. Told once: two that cannot take over would wake each other for ever.
  world.neighbours.wake([...claims].flatMap(([id, by]) => (state.ceded.has(id) ? [] : [by])));
  state.ceded = new Set(claims.keys());
  return pruned;
}
