import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { forNextStep, measureIn } from "../../analysis/record.ts";
import { because } from "../because.ts";
import { advance, enter, hold, iso, returning, switching, withSelection } from "../decision.ts";
import { want } from "../effects.ts";
import { frozenBy } from "../freeze.ts";
import { isSharedByRoutes, placedLeft } from "../lowering.ts";
import { markEffects } from "../marks.ts";
import type { StageRule } from "../plan.ts";
import { weightIn } from "../routes/split.ts";
import { endpointsOf, isLeaving, isRouted, livePods, readyOf } from "../seen.ts";
import { becauseOf, shortageOf } from "../shortage.ts";
import { type Step, stepsOf } from "../strategies/strategy.ts";
import { settleLeft, since } from "../timing.ts";
import { uncheckedStep, uncheckedYet } from "./checking.ts";
import { gatedBy } from "./gates.ts";
import { dark, failing, unclear, uncompared } from "./judging.ts";
import { carried, misrouted, notRouted, refused } from "./routing.ts";
import type { Guard, Walk } from "./walk.ts";

const deleted: Guard = ({ seen, cursor, now }) =>
  seen.deleting ? returning(cursor, now, "Cancelled", because("HandingBack", "the rollout is deleted")) : undefined;

const cancelled: Guard = ({ seen, cursor, now }) =>
  seen.workload.target === cursor.stable
    ? returning(cursor, now, "Cancelled", because("Cancelled", `Git went back to stable revision ${cursor.stable}`))
    : undefined;

const superseded: Guard = ({ seen, cursor, candidate, now }) =>
  seen.workload.target === candidate
    ? undefined
    : returning(
        cursor,
        now,
        "Superseded",
        because("Superseded", `revision ${seen.workload.target} replaces ${candidate}`),
      );

const unready: Guard = ({ seen, cursor, candidate, step, now }) => {
  const ready = readyOf(seen, candidate);
  const wanted = step.sizes.candidate;
  if (ready >= wanted) {
    // After a scaling up this step may have a smaller weight, with fewer pods than the routes still send requests for.
    return weightIn(cursor.split, candidate) > step.weight ? carried(seen, cursor, candidate) : undefined;
  }
  const shortage = shortageOf(seen, cursor, candidate, wanted, now);
  const clocked = shortage.cursor;
  if (ready === 0 && cursor.selection.revision === candidate && readyOf(seen, cursor.stable) > 0) {
    const back = withSelection(clocked, { selection: { kind: "Revision", revision: cursor.stable } });
    return advance(
      back,
      because("CapacityMissing", `revision ${candidate} has no ready pod; ${cursor.stable} serves again`),
    );
  }
  const less = carried(seen, clocked, candidate);
  if (less !== undefined) return less;
  const { leftMs, late } = shortage;
  if (leftMs !== undefined && leftMs <= 0) {
    return returning(cursor, now, "Rejected", because("CapacityMissing", late));
  }
  // What was held while pods were missing is held again: a program that keeps crashing passes no step.
  const { inPlaceAt: _lost, ...waiting } = clocked;
  return hold(waiting, becauseOf(shortage), leftMs);
};

const notInPlace: Guard = (walk) => {
  const { seen, cursor, candidate, step, now } = walk;
  if (isRouted(seen)) return undefined;
  const { cursor: current } = walk;
  const selection = selectionOf(walk);
  const marks = markEffects(seen, current, want(seen, current, now));
  const mixes = selection.kind === "Serving" && cursor.selection.kind !== "Serving";
  if (mixes && (marks.length > 0 || isLeaving(seen, cursor.stable))) {
    return hold(current, because("Settling", "serving marks are put right", "goes on by itself"));
  }
  const enters = selection.revision !== undefined && selection.revision !== cursor.selection.revision;
  if (enters && isLeaving(seen, selection.revision ?? "")) {
    return hold(current, because("Settling", "surplus pods leave first", "goes on by itself"));
  }
  const moved = withSelection(current, { selection });
  if (moved.selection.kind !== cursor.selection.kind || moved.selection.revision !== cursor.selection.revision) {
    return advance(moved, because("Stepping", `requests are shared for weight ${step.weight}`));
  }
  const arrived =
    step.weight === 0 || endpointsOf(seen, candidate) >= Math.min(step.sizes.candidate, readyOf(seen, candidate));
  if (current.steadyAt === undefined || marks.length > 0 || !arrived) {
    return hold(current, because("Settling", `weight ${step.weight} is not in place yet`, "goes on by itself"));
  }
  return undefined;
};

/** At weight 0 stable serves as a whole: a surplus of it can leave only afterwards, at rest. */
const lowering: Guard = ({ seen, cursor, step, now }) => {
  const surplus = livePods(seen, cursor.stable).length > step.sizes.stable;
  const lowers = !isRouted(seen) || isSharedByRoutes(seen, step, cursor.replicas);
  if (step.weight === 0 || !surplus || !lowers) return undefined;
  const placed = { ...cursor, inPlaceAt: cursor.inPlaceAt ?? iso(now) };
  const left = Math.max(placedLeft(seen, placed, now), settleLeft(seen, placed, now).ms ?? 0);
  return hold(placed, because("Settling", "pods of stable leave", "goes on by itself"), left > 0 ? left : undefined);
};

const paused: Guard = ({ seen, cursor }) =>
  seen.spec.paused
    ? hold(cursor, because("Paused", `${placeOf(cursor)} is held`, "commit spec.paused: false"))
    : undefined;

const frozen: Guard = ({ seen, cursor, now }) => {
  const held = frozenBy(seen.spec.freezes, now);
  if (held === undefined) return undefined;
  // It is judged meanwhile: a rejection is a way back.
  const next = measureIn(cursor, seen.spec.analysis, now);
  return hold(cursor, held.because, Math.min(held.recheckInMs, next ?? held.recheckInMs));
};

const unapproved: Guard = ({ seen, cursor, candidate, step, now }) => {
  const { approvedRevision, analysis } = seen.spec;
  if (!step.needsApproval || approvedRevision === candidate) return undefined;
  const other =
    approvedRevision === undefined ? "" : `; spec.approvedRevision names ${approvedRevision}, which is another`;
  const message = `revision ${candidate} waits for approval at ${placeOf(cursor)}${other}`;
  // It is judged while it waits: a rejection needs nobody's approval.
  const next = measureIn(cursor, analysis, now);
  return hold(cursor, because("AwaitingApproval", message, `commit spec.approvedRevision: ${candidate}`), next);
};

const holding: Guard = ({ seen, cursor, step, now }) => {
  const left = step.holdMs - since(cursor.inPlaceAt ?? iso(now), now);
  if (left <= 0) return undefined;
  const measure = measureIn(cursor, seen.spec.analysis, now);
  const why = because("HoldTime", `${placeOf(cursor)} is held`, `goes on at ${iso(now + left)}`);
  return hold(cursor, why, Math.min(left, measure ?? left));
};

const gated: Guard = ({ seen, cursor, candidate, index, steps, now }) => {
  const next = steps[index + 1];
  const place = { revision: candidate, attempt: cursor.attempt ?? 0, steps: steps.length };
  const told =
    next === undefined
      ? ({ event: "Promotion", ...place, step: index, weight: cursor.weight } as const)
      : ({ event: "Step", ...place, step: index + 1, weight: next.weight } as const);
  const what = next === undefined ? "the promotion" : `step ${index + 2} of ${steps.length}`;
  const gate = gatedBy(seen, cursor, told, what, now);
  switch (gate?.kind) {
    case undefined:
      return undefined;
    case "Ask":
      return advance(gate.cursor, gate.because);
    case "Reject":
      return returning(cursor, now, "Rejected", gate.because);
    case "Hold": {
      const measure = measureIn(cursor, seen.spec.analysis, now);
      return hold(cursor, gate.because, Math.min(gate.leftMs, measure ?? gate.leftMs));
    }
  }
};

const passed: Guard = ({ cursor, candidate, index, step, steps, now }) => {
  const done = { ...cursor, passed: step.weight };
  const next = steps[index + 1];
  if (next === undefined) {
    const message = `revision ${candidate} passed ${steps.length} ${steps.length === 1 ? "step" : "steps"}`;
    return switching(done, now, { toward: candidate, cause: "Promoted", message });
  }
  const change = {
    step: index + 1,
    weight: next.weight,
    peak: Math.max(cursor.peak, next.weight),
    verdicts: forNextStep(cursor.verdicts),
  };
  const message = `passed step ${index + 1}; step ${index + 2} of ${steps.length} has weight ${next.weight}`;
  return advance(enter(done, now, change), because("Stepping", message));
};

const empty: Guard = ({ cursor }) =>
  cursor.replicas === 0
    ? hold(cursor, because("CapacityMissing", "there are no replicas, so nothing can be judged", "scale up, or revert"))
    : undefined;

/** The order is the policy: ways back first, then readiness, then what holds, then the way on. */
const before: readonly Guard[] = [
  deleted,
  cancelled,
  superseded,
  failing,
  refused,
  empty,
  unready,
  misrouted,
  uncheckedYet,
  notRouted,
  notInPlace,
  lowering,
];
const after: readonly Guard[] = [
  dark,
  paused,
  frozen,
  unapproved,
  uncheckedStep,
  unclear,
  uncompared,
  holding,
  gated,
  passed,
];

/** The candidate takes the weight of a step, is held there, and judged. */
export const stepping: StageRule = (seen, cursor, now) => {
  const steps = stepsOf(seen.spec, cursor.replicas);
  const index = indexOf(cursor, steps);
  const step = steps[index];
  const { candidate } = cursor;
  if (step === undefined || candidate === undefined) {
    return returning(cursor, now, "Cancelled", because("Cancelled", "there is no step left"));
  }
  const weight = step.weight;
  const there = { step: index, steps: steps.length, weight, peak: Math.max(cursor.peak, weight) };
  const moved = cursor.weight !== weight || (cursor.step ?? 0) !== index;
  const current = moved
    ? enter(cursor, now, { ...there, verdicts: forNextStep(cursor.verdicts) })
    : { ...cursor, ...there };
  const walk: Walk = { seen, cursor: current, candidate, index, step, steps, now };
  for (const guard of before) {
    const decision = guard(walk);
    if (decision !== undefined) return decision;
  }
  const placed = { ...walk, cursor: inPlace(walk) };
  for (const guard of after) {
    const decision = guard(placed);
    if (decision !== undefined) return decision;
  }
  return hold(placed.cursor, because("HoldTime", `weight ${step.weight} is in place`, "goes on by itself"));
};

/** The weight is in place; a spell without ready pods is over once that has lasted for the settle time. */
function inPlace({ seen, cursor, now }: Walk): Cursor {
  const placed = { ...cursor, inPlaceAt: cursor.inPlaceAt ?? iso(now) };
  if (since(placed.inPlaceAt, now) < seen.spec.settleSeconds * 1_000) return placed;
  const { unreadySince: _over, ...ready } = placed;
  return ready;
}

/**
 * The step that the cursor stands at. Git may have changed the list, or the replicas the steps of a rolling update:
 * then it is the last one whose weight the candidate has reached, and at most the one after what it has passed.
 */
function indexOf({ step = 0, weight, passed }: Cursor, steps: readonly Step[]): number {
  if (passed === undefined) return 0;
  if (steps[step]?.weight === weight) return step;
  const reached = steps.findLastIndex((each) => each.weight <= weight);
  const allowed = steps.findLastIndex((each) => each.weight <= passed) + 1;
  return Math.max(0, Math.min(reached, allowed));
}

/** What the Service selects at a step: one track alone, or the serving pods of both. */
function selectionOf({ cursor, candidate, step }: Walk): Cursor["selection"] {
  if (step.weight === 0) return { kind: "Revision", revision: cursor.stable };
  if (step.weight === 100) return { kind: "Revision", revision: candidate };
  return { kind: "Serving" };
}

/** Who reaches the candidate, for a person. */
function placeOf({ weight, audience }: Cursor): string {
  return audience === undefined ? `weight ${weight}` : `weight ${weight} (and the audience)`;
}
