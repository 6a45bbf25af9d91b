import { keyOf } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { GitSync, InventoryEntry } from "../../api/v1alpha1/gitsync.ts";
import { desiredSet, type Member, wantedIds } from "../../core/sync/desiredSet.ts";
import { type Inventory, planned, withApplied } from "../../core/sync/inventory.ts";
import { stages } from "../../core/sync/order.ts";
import type { Attempt, Failure, SyncOutcome, Waiting } from "../../core/sync/outcome.ts";
import type { Identity } from "../../ports/cluster.ts";
import type { Commit } from "../../ports/git.ts";
import { after, type Requeue } from "../requeue.ts";
import { type Applied, applyMember } from "./apply.ts";
import { assess } from "./assess.ts";
import { kindsOf } from "./kinds.ts";
import { prune } from "./prune.ts";
import { checkIn, readSource } from "./source.ts";
import type { SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** How long a set with something broken in it waits for its next try; a commit or a watch event comes sooner. */
const RETRY_MS = 10_000;
/** How soon the API server may serve a kind whose definition has just been applied. */
const DEFINITION_MS = 500;
/** Applies under way at once in one sync. */
const IN_FLIGHT = 8;

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
  const state = world.states.of(keyOf(sync.object));
  if (sync.spec.suspend) {
    await world.report(sync, { kind: "Suspended" }, undefined, signal);
    return { kind: "Never" };
  }
  const due = checkIn(sync, state, world.now()) === 0;
  const trouble = due ? await readSource(sync, state, world, world.now, signal) : undefined;
  if (trouble !== undefined) state.trouble = trouble;
  else if (due) state.trouble = undefined;

  const pass = state.content === undefined ? undefined : await work(world, sync, state, state.content.commit, signal);
  const outcome = state.trouble ?? brokenOutcome(state, world.now()) ?? pass?.outcome;
  if (outcome !== undefined) await world.report(sync, outcome, pass?.inventory, signal);
  const next = checkIn(sync, state, world.now());
  const retry =
    state.trouble === undefined ? next : Math.min(next, Math.max(RETRY_MS, durationMs(sync.spec.interval) / 4));
  return after(Math.min(retry, pass?.recheckInMs ?? retry));
}

function brokenOutcome(state: SyncState, now: number): SyncOutcome | undefined {
  if (state.broken === undefined) return undefined;
  return { kind: "RenderFailed", attempt: attemptOf(state.broken.commit, state, now), problems: state.broken.problems };
}

function attemptOf(commit: Commit, state: SyncState, now: number): Attempt {
  return {
    revision: commit.sha,
    subject: commit.subject,
    author: commit.author,
    durationMillis: Math.min(Math.max(0, now - state.startedAt), 86_400_000),
  };
}

async function work(
  world: SyncWorld,
  sync: GitSync,
  state: SyncState,
  commit: Commit,
  signal: AbortSignal,
): Promise<Pass> {
  const { object, spec } = sync;
  const name = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
  const rendered = state.content?.rendered ?? [];
  const kinds = await kindsOf(rendered, world.discovery, signal);
  const set = desiredSet(rendered, { sync: name, operatorNamespace: world.operatorNamespace, kinds });
  const stored = sync.status.inventory ?? [];
  if (set.kind === "Refused") {
    const attempt = attemptOf(commit, state, world.now());
    return { outcome: { kind: "Refused", attempt, problems: set.problems }, inventory: stored };
  }
  const { members } = set;
  state.wanted = wantedIds(members);

  // Write-ahead: what is about to be applied is in the inventory first, so a crash orphans nothing.
  const inventory = planned(stored, members);
  const reported = isSuperset(stored, inventory) ? sync : await world.remember(sync, inventory, signal);
  const identity: Identity =
    spec.serviceAccountName === undefined
      ? {}
      : { account: { namespace: name.namespace, name: spec.serviceAccountName } };
  const results = await applyAll(world, members, { sync: name, state, ...identity }, signal);
  for (const result of results) if (result.kind === "Corrected") world.corrected(reported, result);

  const assessed = assess(results);
  const complete = assessed.failures.length === 0 && assessed.waiting.length === 0;
  const pruned = await prune(
    {
      sync: name,
      members,
      identity,
      inventory: withApplied(inventory, assessed.uids),
      claimedBy: (id) => world.claimedBy(id, name),
      operatorNamespace: world.operatorNamespace,
      healthy: complete,
      rolloutsAtRest: world.rolloutsAtRest(members),
      confirmed: (commit.trailers["fairlead-prune"] ?? []).includes("confirm"),
      enabled: spec.prune,
    },
    world.cluster,
    signal,
  );
  if (pruned.deleted.length > 0) world.pruned(reported, pruned.deleted);
  const failures = [...assessed.failures, ...pruned.failures];
  const outcome = outcomeOf(
    attemptOf(commit, state, world.now()),
    members.length,
    { ...assessed, failures },
    pruned.decision,
  );
  const recheckInMs = recheck(members, results, failures, pruned.decision.kind === "Deferred");
  return { outcome, inventory: pruned.inventory, ...(recheckInMs === undefined ? {} : { recheckInMs }) };
}

interface Found {
  readonly failures: readonly Failure[];
  readonly waiting: readonly Waiting[];
}

function outcomeOf(
  attempt: Attempt,
  objects: number,
  { failures, waiting }: Found,
  pruning: Awaited<ReturnType<typeof prune>>["decision"],
): SyncOutcome {
  if (failures.length > 0) return { kind: "Failed", attempt, objects, failures };
  if (pruning.kind === "Held") return { kind: "PruneHeld", attempt, objects, message: pruning.message };
  if (waiting.length > 0) {
    return { kind: "Progressing", attempt, applied: objects - waiting.length, objects, waiting };
  }
  const notes =
    pruning.kind === "Deferred"
      ? [pruning.message]
      : pruning.kind === "Prune"
        ? pruning.keep.map(({ message }) => message)
        : [];
  return { kind: "Applied", attempt, objects, notes };
}

/** Stage after stage; within one, side by side. What fails stops nothing else. */
async function applyAll(
  world: SyncWorld,
  members: readonly Member[],
  applier: Parameters<typeof applyMember>[1],
  signal: AbortSignal,
): Promise<readonly Applied[]> {
  const results: Applied[] = [];
  const { cluster, managed, rivalOf } = world;
  const parts = { cluster, managed, rivalOf, claimOn: world.claims(members) };
  for (const { items } of stages(members.filter(({ served }) => served === "Yes"))) {
    results.push(...(await mapLimited(items, (member) => applyMember(member, applier, parts, world.now(), signal))));
  }
  for (const member of members.filter(({ served }) => served !== "Yes")) {
    const message =
      member.served === "No"
        ? `has a kind that the API server does not serve (${member.ref.apiVersion})`
        : "waits for its definition";
    results.push({
      kind: "Failed",
      member,
      failure: { ref: member.ref, position: member.position, reason: "UnknownKind", message },
    });
  }
  return results;
}

async function mapLimited<A, B>(items: readonly A[], run: (item: A) => Promise<B>): Promise<readonly B[]> {
  const results: B[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await run(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker));
  return results;
}

function recheck(
  members: readonly Member[],
  results: readonly Applied[],
  failures: readonly Failure[],
  deferred: boolean,
): number | undefined {
  const slowed = results.flatMap((result) => (result.kind === "Slowed" ? [result.ms] : []));
  const times = [
    ...slowed,
    ...(members.some(({ served }) => served === "AfterItsCRD") ? [DEFINITION_MS] : []),
    ...(failures.length > 0 || deferred ? [RETRY_MS] : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times);
}

function isSuperset(stored: readonly InventoryEntry[], wanted: Inventory): boolean {
  const known = new Set(stored.map(({ id }) => id));
  return wanted.every(({ id }) => known.has(id));
}
