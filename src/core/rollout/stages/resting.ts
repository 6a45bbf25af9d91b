import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { because } from "../because.ts";
import { advance, type Decision, enter, iso, restoring, switching, withSelection } from "../decision.ts";
import { want } from "../effects.ts";
import { finished } from "../finished.ts";
import { frozenBy } from "../freeze.ts";
import { markEffects, shrinks } from "../marks.ts";
import type { Ready, StageRule } from "../plan.ts";
import { livePods, readyOf } from "../seen.ts";
import { stepsOf } from "../strategies/strategy.ts";
import { settleLeft, since } from "../timing.ts";
import { waitsFor } from "../turns.ts";
import { gatedBy } from "./gates.ts";
import { remembering } from "./returning.ts";
import { giveBack } from "./routing.ts";

/** A question about the Deployment's template while nothing is under way. */
type Guard = (seen: Ready, cursor: Cursor, now: number) => Decision | undefined;

const deleted: Guard = (seen, cursor, now) => {
  if (!seen.deleting) return undefined;
  // The Service's pods change while the Deployment takes over, so the routes go back to it before.
  if (cursor.split !== undefined) return rest(seen, cursor, now);
  const why = because("HandingBack", "the rollout is deleted; the Deployment takes over again");
  return advance(restoring(cursor, now), why);
};

const upToDate: Guard = (seen, cursor, now) => {
  if (seen.workload.target !== cursor.stable) return undefined;
  return rest(seen, cursor.rejected.length === 0 ? cursor : { ...cursor, rejected: [] }, now);
};

/** Whoever brings the rest says so; this is for one that does not. */
const ARRIVING_MS = 5_000;

/** Half of a commit must not be taken for a revision: its ConfigMap comes a moment before its Deployment. */
const arriving: Guard = (seen, cursor, now) =>
  seen.arriving
    ? {
        ...rest(seen, cursor, now),
        kind: "Hold",
        because: because(
          "Arriving",
          "a commit is being applied",
          "goes on when all of it is there; the GitSync says more",
        ),
        recheckInMs: ARRIVING_MS,
      }
    : undefined;

const earlierStable: Guard = (seen, cursor, now) => {
  const { target } = seen.workload;
  const known = cursor.previous.find(({ revision, until }) => revision === target && now < Date.parse(until));
  if (known === undefined) return undefined;
  const message = `Git went back to revision ${target}, which was stable before`;
  return switching(cursor, now, { toward: target, cause: "RolledBack", message });
};

const rejected: Guard = (seen, cursor, now) => {
  const { target } = seen.workload;
  const refused = cursor.rejected.find(({ revision }) => revision === target);
  if (refused === undefined || refused.retry !== seen.spec.retry) return undefined;
  const resting = rest(seen, cursor, now);
  if (resting.kind === "Hold") return resting;
  const message = `revision ${target} was rejected: ${refused.message}; all traffic is at ${cursor.stable}`;
  const why = because("Rejected", message, "revert the commit, commit a fix, or set spec.retry to a new value");
  return { ...resting, kind: "Hold", because: why };
};

const stableIsDown: Guard = (seen, cursor, now) => {
  const { target } = seen.workload;
  if (cursor.replicas === 0 || readyOf(seen, cursor.stable) > 0) return undefined;
  const message = `stable revision ${cursor.stable} has no ready pod; revision ${target} takes over as soon as it is ready`;
  return switching(cursor, now, { toward: target, cause: "Rescued", message });
};

const paused: Guard = (seen, cursor, now) =>
  seen.spec.paused
    ? {
        ...rest(seen, cursor, now),
        kind: "Hold",
        because: because("Paused", `revision ${seen.workload.target} waits`, "commit spec.paused: false"),
      }
    : undefined;

const frozen: Guard = (seen, cursor, now) => {
  const held = frozenBy(seen.spec.freezes, now);
  return held === undefined ? undefined : { ...rest(seen, cursor, now), kind: "Hold", ...held };
};

/** Surplus pods are out of the Service and about to be stopped: nothing may let them in again. */
const shrinking: Guard = (seen, cursor, now) =>
  shrinks(seen, cursor)
    ? {
        ...rest(seen, cursor, now),
        kind: "Hold",
        because: because("Settling", "surplus pods of stable leave first", "goes on by itself"),
      }
    : undefined;

const unfit: Guard = (seen, cursor, now) =>
  seen.problem === undefined ? undefined : { ...rest(seen, cursor, now), kind: "Hold", because: seen.problem };

/** Nobody is served, so nobody can be harmed, and nothing can be judged. */
const unused: Guard = (seen, cursor, now) => {
  if (cursor.replicas > 0) return undefined;
  const toward = seen.workload.target;
  return switching(cursor, now, {
    toward,
    cause: "Promoted",
    message: `there are no replicas; revision ${toward} is next`,
  });
};

/** Gates are asked before a candidate has a pod; once they are open it waits for its turn, and holds up nobody before. */
const gated: Guard = (seen, cursor, now) => {
  const revision = seen.workload.target;
  const steps = stepsOf(seen.spec, cursor.replicas);
  const attempt = (cursor.attempt ?? 0) + 1;
  const told = {
    event: "Start",
    revision,
    attempt,
    step: 0,
    steps: steps.length,
    weight: steps[0]?.weight ?? 0,
  } as const;
  const gate = gatedBy(seen, cursor, told, `revision ${revision} starts`, now);
  switch (gate?.kind) {
    case undefined:
      return undefined;
    case "Ask":
      return advance(gate.cursor, gate.because);
    case "Hold":
      return { ...rest(seen, cursor, now), kind: "Hold", because: gate.because, recheckInMs: gate.leftMs };
    case "Reject": {
      const refused = { ...cursor, attempt, startedAt: iso(now), peak: 0, reason: gate.because.reason };
      const entry = finished(refused, now, { revision, outcome: "Rejected", message: gate.because.message });
      const { reason: _reason, ...kept } = remembering(refused, revision, entry, seen.spec.retry);
      return advance(kept, because("Rejected", gate.because.message), entry);
    }
  }
};

/** The namespace has as many rollouts under way as it may. Only one that could start otherwise has a place in the order. */
const notItsTurn: Guard = (seen, cursor, now) => {
  const why = seen.turn === undefined ? undefined : waitsFor(seen.turn);
  if (why === undefined) return undefined;
  const waiting = { ...cursor, waitingSince: seen.cursor?.waitingSince ?? iso(now) };
  return { ...rest(seen, waiting, now), kind: "Hold", because: why };
};

const start: Guard = (seen, cursor, now) => {
  const candidate = seen.workload.target;
  const steps = stepsOf(seen.spec, cursor.replicas);
  const weight = steps[0]?.weight ?? 0;
  const commit = cursor.origin === undefined ? "" : ` of commit ${cursor.origin.commit.slice(0, 12)}`;
  const message = `revision ${candidate}${commit} starts at step 1 of ${steps.length} with weight ${weight}`;
  const { passed: _former, peakShare: _share, ...fresh } = cursor;
  const next = enter(fresh, now, {
    stage: "Stepping",
    candidate,
    step: 0,
    steps: steps.length,
    weight,
    peak: weight,
    startedAt: iso(now),
    attempt: (cursor.attempt ?? 0) + 1,
    checks: [],
    verdicts: [],
    rejected: cursor.rejected.filter(({ revision }) => revision !== candidate),
    selection: { kind: "Revision", revision: cursor.stable },
  });
  return advance(next, because("Stepping", message));
};

/** The order is the policy: the first guard with an answer decides. Ways back come before anything that holds. */
const guards: readonly Guard[] = [
  deleted,
  upToDate,
  rejected,
  arriving,
  earlierStable,
  stableIsDown,
  paused,
  frozen,
  unfit,
  unused,
  shrinking,
  gated,
  notItsTurn,
  start,
];

/** No candidate: what does the Deployment's template mean now? */
export const resting: StageRule = (seen, cursor, now) => {
  // A place in the order is kept by holding for it, look by look: who is held by something else must hold up nobody.
  const { waitingSince: _place, ...kept } = withOrigin(seen, forgetAsked(seen, forgetOld(cursor, now)));
  for (const guard of guards) {
    const decision = guard(seen, kept, now);
    if (decision !== undefined) return decision;
  }
  return rest(seen, kept, now);
};

/** All traffic is at stable; the pods that it should have may still be missing. */
function rest(seen: Ready, cursor: Cursor, now: number): Extract<Decision, { kind: "Rest" | "Hold" }> {
  const giving = giveBack(seen, cursor, now);
  if (giving !== undefined) return giving;
  const next = withSelection(cursor, { selection: selectionAtRest(seen, cursor, now) });
  const ready = readyOf(seen, cursor.stable);
  if (ready < cursor.replicas) {
    const message = `${ready} of ${cursor.replicas} pods of stable revision ${cursor.stable} are ready`;
    const why = because("CapacityMissing", message, "goes on when they are ready, or commit a fix");
    return { kind: "Hold", cursor: next, because: why, ...recheck(seen, next, now) };
  }
  const why = because("AtRest", `all traffic is at revision ${cursor.stable}`);
  return { kind: "Rest", cursor: next, because: why, ...recheck(seen, next, now) };
}

/**
 * At rest the Service says what Git says, as soon as no pod of another revision could match that.
 * While stable shrinks, the Service selects by the serving mark: the surplus leaves it before it is stopped.
 */
function selectionAtRest(seen: Ready, cursor: Cursor, now: number): Cursor["selection"] {
  const others = seen.revisions.filter(({ hash }) => hash !== cursor.stable);
  const alone = others.every(({ hash, replicas }) => replicas === 0 && livePods(seen, hash).length === 0);
  if (alone && shrinks(seen, cursor)) {
    const marked = markEffects(seen, cursor, want(seen, cursor, now)).length === 0;
    if (marked) return { kind: "Serving" };
    return cursor.selection;
  }
  const asGit = alone && seen.workload.target === cursor.stable && seen.workload.replicas === 0;
  return asGit ? { kind: "Git" } : { kind: "Revision", revision: cursor.stable };
}

/** Remembers the commit that brings a revision: by the time that it may start, others may have come. */
function withOrigin({ workload: { target }, origin, arriving }: Ready, cursor: Cursor): Cursor {
  const { origin: former, ...rest } = cursor;
  if (target === cursor.stable) return former === undefined ? cursor : rest;
  if (arriving || former?.revision === target) return cursor;
  return origin === undefined ? rest : { ...rest, origin: { revision: target, ...origin } };
}

/** A start that was asked for and that Git wants no more was an attempt too: the next one is asked for anew. */
function forgetAsked({ workload: { target } }: Ready, cursor: Cursor): Cursor {
  const given = cursor.calls.some(
    ({ kind, event, revision }) => kind === "Gate" && event === "Start" && revision !== target,
  );
  return given ? { ...cursor, attempt: (cursor.attempt ?? 0) + 1 } : cursor;
}

/** Earlier revisions leave the window by age. */
function forgetOld(cursor: Cursor, now: number): Cursor {
  const previous = cursor.previous.filter(({ until }) => now < Date.parse(until));
  return previous.length === cursor.previous.length ? cursor : { ...cursor, previous };
}

/** The next moment at which time alone changes something: warm pods go, a revision leaves the window, traffic has settled. */
function recheck(seen: Ready, cursor: Cursor, now: number): { readonly recheckInMs?: number } {
  const times = cursor.previous
    .flatMap(({ until, warmUntil }) => [until, ...(warmUntil === undefined ? [] : [warmUntil])])
    .map((time) => -since(time, now));
  const settle = settleLeft(seen, cursor, now).ms ?? 0;
  const ahead = [...times, settle].filter((ms) => ms > 0);
  return ahead.length === 0 ? {} : { recheckInMs: Math.min(...ahead) };
}
