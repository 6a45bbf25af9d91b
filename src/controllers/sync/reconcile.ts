import { setTimeout } from "node:timers/promises";
import { type Key, keyOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Hold } from "../../core/sync/dependencies.ts";
import { wantedIds } from "../../core/sync/desiredSet.ts";
import { confirmsPrune } from "../../core/sync/guard.ts";
import { hasAll, type Inventory, planned, prunable, withApplied } from "../../core/sync/inventory.ts";
import type { SyncOutcome } from "../../core/sync/outcome.ts";
import { isApiError } from "../../ports/cluster.ts";
import { after, never, type Requeue } from "../requeue.ts";
import { stillThere } from "./ahead.ts";
import type { Applied, ApplyParts } from "./apply.ts";
import { applyAll } from "./applyAll.ts";
import { assess } from "./assess.ts";
import { yieldsOf } from "./autoscalers.ts";
import { attemptOf, brokenOutcome, outcomeOf, recheck } from "./ending.ts";
import { messageOf } from "./failure.ts";
import { holdOn, inForce } from "./hold.ts";
import { prune } from "./prune.ts";
import { rehearse } from "./rehearse.ts";
import { setOf } from "./setOf.ts";
import { asksAnew, checkIn, readSource } from "./source.ts";
import type { Content, SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** How long a pass waits for Git before it works on with what it knows. */
const PATIENCE_MS = 1_000;
/** What one pass over a set did. */
interface Pass {
  readonly outcome: SyncOutcome;
  readonly inventory: Inventory;
  readonly recheckInMs?: number;
}

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

async function look(world: SyncWorld, sync: GitSync, signal: AbortSignal): Promise<Requeue> {
  const state = world.states.of(keyOf(sync.object));
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
  const pass = content === undefined ? undefined : await work(world, known, state, content, signal);
  const held = hold === undefined ? undefined : heldOutcome(hold, sync, state);
  const outcome = state.trouble ?? brokenOutcome(state, world.now()) ?? held ?? pass?.outcome;
  const more = outcome === undefined ? undefined : await world.report(sync, outcome, pass?.inventory, signal);
  state.settledAt = settled;
  const next = state.looking === undefined ? checkIn(sync, state, world.now()) : undefined;
  const times = [next, more, pass?.recheckInMs, hold?.recheckInMs].filter((ms) => ms !== undefined);
  return times.length === 0 ? never : after(Math.min(...times));
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
  const set = await setOf(world, content.rendered, sync, signal);
  const stored = sync.status.inventory ?? [];
  const wanted = set.kind === "Refused" ? stored : planned(stored, set.members);
  return hasAll(stored, wanted) ? sync : await world.remember(sync, wanted, signal);
}

async function work(
  world: SyncWorld,
  sync: GitSync,
  state: SyncState,
  content: Content,
  signal: AbortSignal,
): Promise<Pass> {
  const { object, spec } = sync;
  const { commit, rendered } = content;
  const name = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  const set = state.complete?.of === content ? state.complete.set : await setOf(world, rendered, sync, signal);
  const stored = sync.status.inventory ?? [];
  if (set.kind === "Refused") {
    const outcome = {
      kind: "Refused",
      attempt: attemptOf(commit, state, world.now()),
      problems: set.problems,
    } as const;
    return keepGood(world, sync, state, content, outcome, signal);
  }
  const { members } = set;
  const owners = new Map<string, Key>();
  const identity = world.identityOf(sync);
  const applier = { sync: name, state, ...identity };
  const parts: ApplyParts = {
    cluster: world.cluster,
    managed: world.managed,
    share: world.share,
    rivalOf: (owner, id) => {
      const rivalry = world.neighbours.rivalry(owner, id, sync, state);
      if (rivalry === "Rival") owners.set(id, `${owner.namespace}/${owner.name}`);
      return rivalry;
    },
    precedentOf: (id) => world.neighbours.precedent(id, sync),
    claimOn: world.claimOn,
    yieldedBy: yieldsOf(members, spec, world.autoscalers),
    digest: world.digest,
  };
  if (content.rendered !== state.accepted?.rendered) {
    const options = { mode: spec.dryRun, first: stored.every(({ uid }) => uid === undefined), now: world.now() };
    state.rehearsal = await rehearse(content, members, applier, parts, options, signal);
    const { failures, againAt } = state.rehearsal;
    if (failures.length > 0) {
      const attempt = attemptOf(commit, state, world.now());
      const outcome = { kind: "Failed", attempt, objects: members.length, failures, untouched: true } as const;
      const kept = await keepGood(world, sync, state, content, outcome, signal);
      const times = [Math.max(0, againAt - world.now()), kept.recheckInMs].filter((ms) => ms !== undefined);
      return { ...kept, recheckInMs: Math.min(...times) };
    }
  }
  state.accepted = content;
  // With every kind served, the same content gives the same set: a watch event costs no new one.
  state.complete = members.every(({ served }) => served === "Yes") ? { of: content, set } : undefined;
  state.wanted = wantedIds(members);
  // What comes back later is new, not drift.
  for (const id of state.recorded.keys()) if (!state.wanted.has(id)) state.recorded.delete(id);

  // Write-ahead: what is about to be applied is in the inventory first, so a crash orphans nothing.
  const isThere = await stillThere(world.managed, members, signal);
  const inventory = planned(stored, members, isThere);
  const reported = !hasAll(stored, inventory)
    ? await world.begin(sync, attemptOf(commit, state, world.now()), members.length, inventory, signal)
    : stored.every(isThere)
      ? sync
      : await world.remember(sync, inventory, signal);
  const elapsed = world.now() - state.startedAt;
  const results = await applyAll(members, applier, parts, { now: world.now, elapsed }, signal);
  world.neighbours.contest(keyOf(object), owners);
  state.forbidden = forbiddenIn(results);
  land(world, state, content, results);
  for (const result of results) world.tellOf(reported, result);

  const assessed = assess(results, state.checks?.health ?? [], world.atRest);
  const claims = new Map<string, Key>();
  const enabled = spec.prune && state.hold === undefined && content.restored !== true;
  const leaving = enabled && prunable(inventory, members).length > 0;
  const unasked = leaving ? world.neighbours.unasked(sync, state) : [];
  const pruned = await prune(
    {
      sync: name,
      members,
      identity,
      inventory: withApplied(inventory, assessed.uids),
      claimedBy: (id) => {
        const by = world.neighbours.claimedBy(id, name);
        if (by !== undefined) claims.set(id, by);
        return by;
      },
      unasked,
      operatorNamespace: world.operatorNamespace,
      healthy: assessed.complete,
      rolloutsAtRest: world.rolloutsAtRest(members),
      confirmed: confirmsPrune(commit.trailers),
      enabled,
      counts: state.counts,
    },
    world,
    signal,
  );
  // They may have been waiting for this sync to let go. Told once: two that cannot take over would wake each other for ever.
  world.neighbours.wake([...claims].flatMap(([id, by]) => (state.ceded.has(id) ? [] : [by])));
  state.ceded = new Set(claims.keys());
  if (pruned.deleted.length > 0) world.pruned(reported, pruned.deleted);
  const failures = [...assessed.failures, ...pruned.failures];
  if (failures.length > 0) state.complete = undefined;
  const attempt = attemptOf(commit, state, world.now());
  const outcome = outcomeOf(
    attempt,
    members.length,
    { ...assessed, failures, notes: content.notes ?? [] },
    pruned.decision,
  );
  const recheckInMs = recheck(results, failures, pruned.decision, attempt.durationMillis);
  return { outcome, inventory: pruned.inventory, ...(recheckInMs === undefined ? {} : { recheckInMs }) };
}

function forbiddenIn(results: readonly Applied[]): ReadonlySet<string> {
  const found = results.filter((one) => one.kind === "Failed" && one.failure.reason === "Forbidden");
  return new Set(found.map(({ member }) => member.id));
}

/** How a pass ends whose commit is refused: drift from the last good content is corrected meanwhile. */
async function keepGood(
  world: SyncWorld,
  sync: GitSync,
  state: SyncState,
  content: Content,
  outcome: SyncOutcome,
  signal: AbortSignal,
): Promise<Pass> {
  const { accepted } = state;
  if (accepted === undefined || accepted === content) return { outcome, inventory: sync.status.inventory ?? [] };
  return { ...(await work(world, sync, state, accepted, signal)), outcome };
}

/**
 * A commit has landed for the rollouts when its ConfigMaps are applied, which come before what uses them:
 * with one of them missing, a Deployment would be released with the configuration of the commit before.
 */
function land(world: SyncWorld, state: SyncState, content: Content, results: readonly Applied[]): void {
  if (state.landed === content) return;
  const missing = results.some(
    ({ kind, member }) => (kind === "Failed" || kind === "Waiting") && member.ref.kind === "ConfigMap",
  );
  if (missing) return;
  state.landed = content;
  world.arrived(results.map(({ member }) => member.object));
}
