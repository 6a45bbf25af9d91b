import { sameJson } from "../../../api/json.ts";
import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { because } from "../because.ts";
import { advance, type Decision, hold, returning, withSelection, withSplit } from "../decision.ts";
import { carriedBy, isSharedByRoutes } from "../lowering.ts";
import type { Ready } from "../plan.ts";
import { audienceOf } from "../routes/audience.ts";
import { type Split, tenths, weightIn } from "../routes/split.ts";
import { isLeaving, isRouted, readyOf, routableOf } from "../seen.ts";
import { settleLeft, since } from "../timing.ts";
import type { Guard } from "./walk.ts";

/** All requests at one revision, by its own Service. */
export function allAt(revision: string): Split {
  return [{ revision, weight: 100 }];
}

/** The split for a candidate's weight. Only revisions with requests are named: a route must not keep a Service that is to go. */
function splitFor(stable: string, candidate: string, weight: number): Split {
  const rest = tenths(100 - weight);
  const both = [
    { revision: stable, weight: rest },
    { revision: candidate, weight },
  ];
  return both.filter((one) => one.weight > 0);
}

/**
 * The routes do not give the step's weight yet. The Service stays at stable for those who call it without a route, and is
 * what a route falls back to.
 */
export const notRouted: Guard = ({ seen, cursor, candidate, step, now }) => {
  if (!isRouted(seen)) return undefined;
  // Pods of a lowered stable leave the Service by their marks.
  const kind = isSharedByRoutes(seen, step, cursor.replicas) ? "Marked" : "Revision";
  const home = { kind, revision: cursor.stable } as const;
  if (cursor.selection.kind !== kind || cursor.selection.revision !== cursor.stable) {
    return advance(withSelection(cursor, { selection: home }), because("Stepping", "the Service goes to stable"));
  }
  const audience = step.weight < 100 && audienceOf(seen.spec).length > 0 ? candidate : undefined;
  // At weight 0 nothing need be moved that was not moved before.
  const untouched = step.weight === 0 && cursor.split === undefined && audience === undefined;
  const split = splitFor(cursor.stable, candidate, step.weight);
  if (!untouched && !(sameJson(split, cursor.split) && cursor.audience === audience)) {
    const chosen = audience === undefined || audience === cursor.audience ? 0 : step.sizes.candidate;
    const missing = unreachable(seen, cursor, [...needs(cursor, split), { revision: candidate, pods: chosen }], now);
    if (missing !== undefined) return missing;
    const whom = audience === undefined ? "" : `; requests of the audience go to revision ${audience}, at any weight`;
    const next = withSplit(cursor, split, audience);
    return advance(next, because("Stepping", `the routes give weight ${step.weight}${whom}`));
  }
  return cursor.steadyAt === undefined
    ? hold(cursor, notYet(seen, `weight ${step.weight} is not in place yet`))
    : undefined;
};

/** A Gateway refuses what its route says: requests may fail there, so nobody is left to it. */
export const refused: Guard = ({ seen, cursor, now }) => {
  const route = seen.routes.find(({ refusal, said }) => refusal !== undefined && said !== "Git");
  if (route === undefined || cursor.split === undefined) return undefined;
  const why = because("RouteRefused", `${route.kind} ${route.name} ${route.refusal}`);
  return returning(cursor, now, "Rejected", why);
};

/** A commit took a route away, or made it one that cannot say what the steps want. */
export const misrouted: Guard = ({ seen, cursor }) =>
  seen.problem?.reason === "RouteMissing" || seen.problem?.reason === "RouteUnfit"
    ? hold(cursor, seen.problem)
    : undefined;

/** A candidate that has lost pods gets no more requests than those that are left can carry. */
export function carried(seen: Ready, cursor: Cursor, candidate: string): Decision | undefined {
  const can = carriedBy(readyOf(seen, candidate), readyOf(seen, cursor.stable), cursor.replicas);
  const audience = can > 0 ? cursor.audience : undefined;
  const weight = weightIn(cursor.split, candidate);
  if (!isRouted(seen) || (weight <= can && audience === cursor.audience)) return undefined;
  const message = `revision ${candidate} can carry weight ${can} at most; ${cursor.stable} carries the rest`;
  const next = withSplit(cursor, splitFor(cursor.stable, candidate, Math.min(weight, can)), audience);
  return advance(next, because("CapacityMissing", message));
}

/** Moves the routes to one revision; undefined once they have been there for the settle time. */
export function routeAll(seen: Ready, cursor: Cursor, revision: string, now: number): Decision | undefined {
  if (!isRouted(seen)) return undefined;
  const split = allAt(revision);
  if (!sameJson(split, cursor.split) || cursor.audience !== undefined) {
    const missing = unreachable(seen, cursor, needs(cursor, split), now);
    return missing ?? advance(withSplit(cursor, split), because("Stepping", `the routes go to revision ${revision}`));
  }
  const left = settleLeft(seen, cursor, now);
  if (left.kind === "Settled") return undefined;
  return hold(cursor, notYet(seen, `requests move to revision ${revision}`), left.ms);
}

/**
 * The way back to stable, within what it can carry: while some of its pods are missing, the candidate carries their part.
 * `whole`: all of it is to be taken for ready, since the others have been waited for long enough.
 */
export function routeHome(seen: Ready, cursor: Cursor, whole: boolean, now: number): Decision | undefined {
  const { stable, candidate, split } = cursor;
  if (!isRouted(seen) || split === undefined) return undefined;
  const before = weightIn(split, stable);
  const can = whole
    ? 100
    : Math.min(100, Math.floor((100 * routableOf(seen, stable, now)) / Math.max(1, cursor.replicas)));
  if (candidate === undefined) return undefined;
  const share = Math.max(can, before);
  const next = withSplit(cursor, splitFor(stable, candidate, 100 - share));
  if (next === cursor) return undefined;
  return advance(next, because("Returning", `the routes give ${share} % to stable revision ${stable}`));
}

/** How soon a gateway that does not follow is looked at again. */
const RECHECK_MS = 5_000;

/**
 * At rest the routes go back to the Service, once it has been at stable for the settle time; undefined when they have. Where no
 * gateway follows they are given back all the same, after the progress deadline.
 */
export function giveBack(seen: Ready, cursor: Cursor, now: number): Extract<Decision, { kind: "Hold" }> | undefined {
  if (cursor.split === undefined) return undefined;
  const home = allAt(cursor.stable);
  const left = settleLeft(seen, cursor, now);
  const late = since(cursor.enteredAt, now) >= seen.spec.progressDeadlineSeconds * 1_000;
  const arrived = sameJson(cursor.split, home) && cursor.audience === undefined && (left.kind === "Settled" || late);
  const next = withSplit(cursor, arrived ? undefined : home);
  const why = because(
    "Settling",
    `the routes are given back to Service ${seen.spec.serviceRef.name}`,
    "goes on by itself",
  );
  return { kind: "Hold", cursor: next, because: why, recheckInMs: left.ms ?? RECHECK_MS };
}

/** How many pods a revision needs to take what is to come to it. */
interface Need {
  readonly revision: string;
  readonly pods: number;
}

/** What a split needs of the revisions that it gives more to than they have. */
function needs(cursor: Cursor, split: Split): readonly Need[] {
  return split
    .filter(({ revision, weight }) => weight > weightIn(cursor.split, revision))
    .map(({ revision, weight }) => ({ revision, pods: Math.ceil((cursor.replicas * weight) / 100) }));
}

/** A hold while a revision lacks pods that the routes may be pointed at. */
function unreachable(seen: Ready, cursor: Cursor, needed: readonly Need[], now: number): Decision | undefined {
  for (const { revision, pods } of needed.filter((need) => need.pods > 0)) {
    // Which of them are about to be stopped is not known.
    if (isLeaving(seen, revision)) {
      return hold(cursor, because("Settling", `surplus pods of revision ${revision} leave first`, "goes on by itself"));
    }
    // Stable has its requests already: what it lacks is not made better by waiting.
    const wanted = revision === cursor.stable ? Math.min(pods, readyOf(seen, revision)) : pods;
    const have = routableOf(seen, revision, now);
    if (have >= wanted) continue;
    const message = `${have} of ${wanted} pods of revision ${revision} have been in its Service for ${seen.spec.settleSeconds} s`;
    return hold(cursor, because("Settling", message, "goes on by itself"), routableIn(seen, revision, now));
  }
  return undefined;
}

/** Milliseconds until the next pod of a revision has been ready for the settle time. */
function routableIn(seen: Ready, revision: string, now: number): number | undefined {
  const ahead = seen.pods
    .filter((pod) => pod.revision === revision && pod.ready)
    .map(({ readySince = now }) => readySince + seen.spec.settleSeconds * 1_000 - now)
    .filter((ms) => ms > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

function notYet(seen: Ready, message: string) {
  const waiting = seen.routes.find(({ waits }) => waits !== undefined);
  const why = waiting === undefined ? message : `${message}: ${waiting.kind} ${waiting.name} ${waiting.waits}`;
  return because("Settling", why, waiting === undefined ? "goes on by itself" : "goes on when its Gateway follows");
}
