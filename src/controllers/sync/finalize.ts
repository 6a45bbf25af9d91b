import { keyOf, refOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { after, never, type Requeue } from "../requeue.ts";
import { prune } from "./prune.ts";
import { identityOf } from "./reconcile.ts";
import type { SyncWorld } from "./world.ts";

/** How soon a deletion that failed is tried again. */
const RETRY_MS = 5_000;
/** How soon another sync may have looked at Git. */
const SOON_MS = 300;

/** Stores the finalizer, so that a deletion prunes first. */
export async function claimSync(world: SyncWorld, sync: GitSync, signal: AbortSignal): Promise<void> {
  const { finalizers = [] } = sync.object.metadata;
  if (!finalizers.includes(Mark.finalizer)) await setFinalizers(world, sync, [...finalizers, Mark.finalizer], signal);
}

/**
 * Deletes what a deleted sync had applied, unless spec.prune or spec.suspend says otherwise, and lets it go.
 * The person who deletes a sync has said so: the guard against mass deletion asks no second time.
 * Objects that refuse because the account lost its rights stay behind: a deletion must not hang for ever.
 */
export async function finalizeSync(world: SyncWorld, sync: GitSync, signal: AbortSignal): Promise<Requeue> {
  const { object, spec, status } = sync;
  const { finalizers = [], namespace = "", name } = object.metadata;
  if (!finalizers.includes(Mark.finalizer)) return never;
  if (spec.prune && !spec.suspend) {
    // The commit that removed this sync may have given its objects to another one. The API server cuts the time to whole
    // seconds: a look of the other one counts only from the end of that second on.
    const startedAt = (Date.parse(object.metadata.deletionTimestamp ?? "") || 0) + 1_000;
    const result = await prune(
      {
        sync: { namespace, name },
        members: [],
        identity: identityOf(sync),
        inventory: status.inventory ?? [],
        claimedBy: (id) => world.neighbours.claimedBy(id, { namespace, name }),
        unasked: world.neighbours.unasked(sync, { startedAt }),
        operatorNamespace: world.operatorNamespace,
        healthy: true,
        rolloutsAtRest: true,
        confirmed: true,
        enabled: true,
      },
      world.cluster,
      signal,
    );
    if (result.decision.kind === "Deferred") return after(SOON_MS);
    if (result.deleted.length > 0) world.pruned(sync, result.deleted);
    const left = result.failures.filter(({ reason }) => reason !== "Forbidden");
    const unread = result.decision.kind === "Prune" && result.decision.keep.some(({ why }) => why === "Unreadable");
    if (left.length > 0 || unread) {
      await world.remember(sync, result.inventory, signal);
      return after(RETRY_MS);
    }
    if (result.failures.length > 0) world.orphaned(sync, result.failures);
  }
  await setFinalizers(
    world,
    sync,
    finalizers.filter((one) => one !== Mark.finalizer),
    signal,
  );
  world.states.forget(keyOf(object));
  return never;
}

async function setFinalizers(
  world: SyncWorld,
  sync: GitSync,
  finalizers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { resourceVersion } = sync.object.metadata;
  world.keep(await world.cluster.patch(refOf(sync.object), { metadata: { resourceVersion, finalizers } }, {}, signal));
}
