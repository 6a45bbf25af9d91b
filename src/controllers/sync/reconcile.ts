import { setTimeout } from "node:timers/promises";
import { keyOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { Hold } from "../../core/sync/dependencies.ts";
import { hasAll, planned } from "../../core/sync/inventory.ts";
import type { SyncOutcome } from "../../core/sync/outcome.ts";
import { isApiError } from "../../ports/cluster.ts";
import { after, never, type Requeue } from "../requeue.ts";
import { brokenOutcome } from "./ending.ts";
import { messageOf } from "./failure.ts";
import { holdOn, inForce } from "./hold.ts";
import { passOver } from "./pass.ts";
import { recordOf, recover } from "./record.ts";
import { setOf } from "./setOf.ts";
import { asksAnew, checkIn, readSource } from "./source.ts";
import type { SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** How long a pass waits for Git before it works on with what it knows. */
const PATIENCE_MS = 1_000;
/**
 * One look at one sync: ask Git when it is time, render what is new, apply what differs, prune what is gone, report.
 * Without news and without drift it writes nothing and reads nothing.
 */
export async function reconcileSync(world: SyncWorld, sync: GitSync, signal: AbortSignal): Promise<Requeue> {
  try {
    return await look(world, sync, signal);
  } catch (error) {
    // The resource has moved on or is gone, or this process must stop: there is nothing to tell.
    if (signal.aborted || isApiError(error, "Conflict", "Fenced", "NotFound")) throw error;
    const message = `Work on the sync failed: ${messageOf(error)}; it is tried again`;
    await world
      .report(sync, { kind: "GitFailed", reason: "ReconcileFailed", message }, undefined, signal)
      // The first error says more; it is logged, and the next try reports again.
      .catch(() => undefined);
    throw error;
  }
}

async function look(world: SyncWorld, given: GitSync, signal: AbortSignal): Promise<Requeue> {
  const state = world.states.of(keyOf(given.object));
  await recover(given, state, world, signal);
  const sync = await kept(world, given, state, signal);
  if (sync.spec.suspend) {
    await world.report(sync, { kind: "Suspended" }, undefined, signal);
    return never;
  }
  await lookAtGit(world, sync, state);
  signal.throwIfAborted();
  // A sync that was resumed or changed must not put back what was true before.
  if (state.looking !== undefined && asksAnew(sync, state)) return never;
  // What a look brings that ends during this pass is worked on by the next one.
  const settled = state.lookedAt;

  const hold = await holdOn(world, sync, state);
  const known = hold?.reason !== "DependencyNotReady" ? sync : await planOnly(world, sync, state, signal);
  const content = inForce(hold, state);
  const pass = content === undefined ? undefined : await passOver(world, known, state, content, signal);
  const held = hold === undefined ? undefined : heldOutcome(hold, sync, state);
  const outcome = state.trouble ?? brokenOutcome(state, world.now()) ?? held ?? pass?.outcome;
  const more = outcome === undefined ? undefined : await world.report(sync, outcome, pass?.inventory, signal);
  state.settledAt = settled;
  const next = state.looking === undefined ? checkIn(sync, state, world.now()) : undefined;
  const times = [next, more, pass?.recheckInMs, hold?.recheckInMs].filter((ms) => ms !== undefined);
  return times.length === 0 ? never : after(Math.min(...times));
}

/** A finalizer that somebody took away comes back, while there is anything to prune. */
async function kept(world: SyncWorld, sync: GitSync, state: SyncState, signal: AbortSignal): Promise<GitSync> {
  const isKept = sync.object.metadata.finalizers?.includes(Mark.finalizer) ?? false;
  return isKept || recordOf(sync, state).length === 0 ? sync : world.takeUp(sync, undefined, signal);
}

function heldOutcome(hold: Hold, { status }: GitSync, { content }: SyncState): SyncOutcome {
  const revision = content?.commit.sha;
  return {
    kind: "Held",
    ...hold,
    ...(revision === undefined || revision === status.appliedRevision ? {} : { revision }),
  };
}

/**
 * Looks at Git when it is time. A host that takes long keeps nobody from correcting drift: the look goes on beside the
 * work, and wakes the sync when it has ended.
 */
async function lookAtGit(world: SyncWorld, sync: GitSync, state: SyncState): Promise<void> {
  if (state.looking !== undefined || checkIn(sync, state, world.now()) > 0) return;
  const key = keyOf(sync.object);
  const looking = readSource(sync, state, world, world.now, world.signal).then(
    (trouble) => {
      state.trouble = trouble;
      state.looking = undefined;
    },
    // It rejects only when this process stops.
    () => {
      state.looking = undefined;
    },
  );
  state.looking = looking;
  const late = Symbol("late");
  const first = await Promise.race([looking, setTimeout(PATIENCE_MS, late, { ref: false })]);
  if (first === late) void looking.then(() => world.neighbours.wake([key]));
}

/**
 * What a held commit will apply is in the inventory while it waits: the sync that lets an object go in the same commit
 * sees that another one takes it, and deletes nothing.
 */
async function planOnly(world: SyncWorld, sync: GitSync, state: SyncState, signal: AbortSignal): Promise<GitSync> {
  const { content, accepted } = state;
  if (content === undefined || content.rendered === accepted?.rendered) return sync;
  const set = await setOf(world, content.rendered, sync, state, signal);
  const stored = recordOf(sync, state);
  const wanted = set.kind === "Refused" ? stored : planned(stored, set.members);
  return hasAll(stored, wanted) ? sync : await world.remember(sync, wanted, signal);
}
