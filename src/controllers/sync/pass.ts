import { type Key, keyOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { type Member, wantedIds } from "../../core/sync/desiredSet.ts";
import { type Inventory, planned } from "../../core/sync/inventory.ts";
import type { SyncOutcome } from "../../core/sync/outcome.ts";
import { stillThere, storeAhead } from "./ahead.ts";
import type { Applied, Applier, ApplyParts } from "./apply.ts";
import { applyAll } from "./applyAll.ts";
import { assess } from "./assess.ts";
import { yieldsOf } from "./autoscalers.ts";
import { attemptOf, outcomeOf, recheck } from "./ending.ts";
import { pruneLeftovers } from "./leftovers.ts";
import { recordOf } from "./record.ts";
import { rehearse } from "./rehearse.ts";
import { setOf } from "./setOf.ts";
import type { Content, SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** What one pass over a set did. */
export interface Pass {
  readonly outcome: SyncOutcome;
  readonly inventory: Inventory;
  readonly recheckInMs?: number;
}

/**
 * One pass over what a commit says: check, try, store the inventory, apply, judge, prune. A commit that is refused leaves
 * the last good one in force.
 */
export async function passOver(
  world: SyncWorld,
  sync: GitSync,
  state: SyncState,
  content: Content,
  signal: AbortSignal,
): Promise<Pass> {
  const { object } = sync;
  const { commit, rendered } = content;
  const name = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  const set = state.complete?.of === content ? state.complete.set : await setOf(world, rendered, sync, state, signal);
  const stored = recordOf(sync, state);
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
  const applier = { sync: name, state, ...world.identityOf(sync) };
  const parts = partsOf(world, sync, state, members, owners);
  const refused = await tried(world, sync, content, { state, members, applier, parts }, signal);
  if (refused !== undefined) return refused;
  state.accepted = content;
  // With every kind served, the same content gives the same set: a watch event costs no new one.
  state.complete = members.every(({ served }) => served === "Yes") ? { of: content, set } : undefined;
  state.wanted = wantedIds(members);
  // What comes back later is new, not drift.
  for (const id of state.recorded.keys()) if (!state.wanted.has(id)) state.recorded.delete(id);

  const isThere = await stillThere(world.managed, members, signal);
  const inventory = planned(stored, members, isThere);
  const plan = { attempt: attemptOf(commit, state, world.now()), objects: members.length, inventory, isThere };
  const reported = await storeAhead(world, sync, plan, signal);
  const elapsed = world.now() - state.startedAt;
  const results = await applyAll(members, applier, parts, { now: world.now, elapsed }, signal);
  world.neighbours.contest(keyOf(object), owners);
  state.forbidden = forbiddenIn(results);
  land(world, state, content, results);
  for (const result of results) world.tellOf(reported, result);

  const assessed = assess(results, state.checks?.health ?? [], world.atRest);
  const pruned = await pruneLeftovers(world, { sync, state, content, members, inventory, assessed }, signal);
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

/** What applying this sync's objects takes; `owners` collects who else lays claim to one. */
function partsOf(
  world: SyncWorld,
  sync: GitSync,
  state: SyncState,
  members: readonly Member[],
  owners: Map<string, Key>,
): ApplyParts {
  return {
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
    yieldedBy: yieldsOf(members, sync.spec, world.autoscalers),
    digest: world.digest,
  };
}

interface Trial {
  readonly state: SyncState;
  readonly members: readonly Member[];
  readonly applier: Applier;
  readonly parts: ApplyParts;
}

/** Tries a new commit as a whole before its first write. How the pass ends where it is refused. */
async function tried(
  world: SyncWorld,
  sync: GitSync,
  content: Content,
  { state, members, applier, parts }: Trial,
  signal: AbortSignal,
): Promise<Pass | undefined> {
  if (content.rendered === state.accepted?.rendered) return undefined;
  const first = recordOf(sync, state).every(({ uid }) => uid === undefined);
  const options = { mode: sync.spec.dryRun, first, now: world.now() };
  state.rehearsal = await rehearse(content, members, applier, parts, options, signal);
  const { failures, againAt } = state.rehearsal;
  if (failures.length === 0) return undefined;
  const attempt = attemptOf(content.commit, state, world.now());
  const outcome = { kind: "Failed", attempt, objects: members.length, failures, untouched: true } as const;
  const kept = await keepGood(world, sync, state, content, outcome, signal);
  const times = [Math.max(0, againAt - world.now()), kept.recheckInMs].filter((ms) => ms !== undefined);
  return { ...kept, recheckInMs: Math.min(...times) };
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
  if (accepted === undefined || accepted === content) return { outcome, inventory: recordOf(sync, state) };
  return { ...(await passOver(world, sync, state, accepted, signal)), outcome };
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
