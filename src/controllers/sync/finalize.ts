import { keyOf, refOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type Farewell, farewellOf, parting } from "../../core/sync/farewell.ts";
import type { Inventory } from "../../core/sync/inventory.ts";
import { after, never, type Requeue } from "../requeue.ts";
import { orphan } from "./orphan.ts";
import { type Pruned, prune } from "./prune.ts";
import { recordOf, recover } from "./record.ts";
import type { SyncWorld } from "./world.ts";

/** How soon what failed is tried again. */
const RETRY_MS = 5_000;
/** How soon another sync may have looked at Git. */
const SOON_MS = 300;
/** A sync that is renamed may be deleted a moment before its new name is there. */
const RENAME_MS = 2_000;

/**
 * Parts from the objects of a deleted sync as its spec says, and lets it go: at once or within ten minutes, whatever the
 * API server, the account's rights or foreign finalizers do. The person who deletes a sync has said so: the guard against
 * mass deletion asks no second time.
 */
export async function finalizeSync(world: SyncWorld, sync: GitSync, signal: AbortSignal): Promise<Requeue> {
  const { finalizers = [] } = sync.object.metadata;
  if (!finalizers.includes(Mark.finalizer)) return never;
  const policy = farewellOf(sync.spec);
  const refused = world.refusalOf(sync);
  if (refused !== undefined) world.leftBehind(sync, `everything is left behind: ${refused}`);
  if (policy !== "Leave" && refused === undefined) {
    const requeue = await part(world, sync, policy, signal);
    if (requeue !== undefined) return requeue;
  }
  const { resourceVersion } = sync.object.metadata;
  const others = finalizers.filter((one) => one !== Mark.finalizer);
  world.keep(
    await world.cluster.patch(refOf(sync.object), { metadata: { resourceVersion, finalizers: others } }, {}, signal),
  );
  world.states.forget(keyOf(sync.object));
  world.neighbours.contest(keyOf(sync.object), new Map());
  return never;
}

/** One try. undefined: there is nothing more to do. */
async function part(
  world: SyncWorld,
  sync: GitSync,
  policy: Farewell,
  signal: AbortSignal,
): Promise<Requeue | undefined> {
  const deletedAt = Date.parse(sync.object.metadata.deletionTimestamp ?? "") || 0;
  const elapsedMs = world.now() - deletedAt;
  if (elapsedMs < RENAME_MS) return after(RENAME_MS - elapsedMs);
  const state = world.states.of(keyOf(sync.object));
  await recover(sync, state, world, signal);
  const inventory = recordOf(sync, state);
  const result =
    policy === "Orphan"
      ? await orphan(world, sync, inventory, world.identityOf(sync), signal)
      : await pruneAll(world, sync, inventory, deletedAt, signal);
  if (result.decision.kind === "Deferred") return after(SOON_MS);
  if (result.deleted.length > 0) world.pruned(sync, result.deleted);
  const keep = result.decision.kind === "Prune" ? result.decision.keep : [];
  const next = parting({ policy, failures: result.failures, keep, elapsedMs });
  if (next.kind === "Stay") {
    await world.report(sync, { kind: "Deleting", message: next.message }, result.inventory, signal);
    return after(RETRY_MS);
  }
  if (next.message !== undefined) world.leftBehind(sync, next.message);
  return undefined;
}

function pruneAll(
  world: SyncWorld,
  sync: GitSync,
  inventory: Inventory,
  deletedAt: number,
  signal: AbortSignal,
): Promise<Pruned> {
  const { namespace = "", name } = sync.object.metadata;
  // The commit that removed this sync may have given its objects to another one. The API server cuts the time to whole
  // seconds: a look of the other one counts only from the end of that second on.
  const startedAt = deletedAt + 1_000;
  return prune(
    {
      sync: { namespace, name },
      members: [],
      identity: world.identityOf(sync),
      inventory,
      claimedBy: (id) => world.neighbours.claimedBy(id, { namespace, name }),
      unasked: world.neighbours.unasked(sync, { startedAt }),
      operatorNamespace: world.operatorNamespace,
      healthy: true,
      rolloutsAtRest: true,
      confirmed: true,
      enabled: true,
      counts: new Map(),
    },
    world,
    signal,
  );
}
