import type { Cursor, Stage } from "../../api/v1alpha1/cursor.ts";
import { because } from "./because.ts";
import { type Decision, enter, iso, withSelection } from "./decision.ts";
import { markEffects, want } from "./effects.ts";
import { type Seen, type ServiceSeen, trafficInPlace, type WorkloadSeen } from "./seen.ts";
import { adopting, beginAdoption, emptying, narrowing } from "./stages/adoption.ts";
import { handingBack, releasing, restoring } from "./stages/handBack.ts";
import { resting } from "./stages/resting.ts";
import { returning } from "./stages/returning.ts";
import { stepping } from "./stages/stepping.ts";
import { switching } from "./stages/switching.ts";

/** Evidence with everything present that a stage needs. */
export interface Ready extends Seen {
  readonly workload: WorkloadSeen;
  readonly service: ServiceSeen;
}

/** What one stage decides. */
export type StageRule = (seen: Ready, cursor: Cursor, now: number) => Decision;

const RULES: Readonly<Record<Stage, StageRule>> = {
  Adopting: adopting,
  Narrowing: narrowing,
  Emptying: emptying,
  Resting: resting,
  Stepping: stepping,
  Switching: switching,
  Returning: returning,
  Restoring: restoring,
  HandingBack: handingBack,
  Releasing: releasing,
};

/**
 * Decides the next move of a rollout from all the evidence. Pure: same evidence and time, same decision.
 * `now` is epoch milliseconds.
 */
export function plan(seen: Seen, now: number): Decision {
  const { cursor } = seen;
  if (seen.deleting && (cursor === undefined || seen.workload === undefined || seen.service === undefined)) {
    return orphaned(seen, now);
  }
  if (seen.workload === undefined) {
    const name = seen.spec.workloadRef.name;
    return blocked(
      "WorkloadMissing",
      `there is no Deployment ${name}`,
      `commit the Deployment, or correct spec.workloadRef.name`,
    );
  }
  if (seen.service === undefined) {
    const name = seen.spec.serviceRef.name;
    return blocked(
      "ServiceMissing",
      `there is no Service ${name}`,
      `commit the Service, or correct spec.serviceRef.name`,
    );
  }
  const ready: Ready = { ...seen, workload: seen.workload, service: seen.service };
  if (cursor === undefined) return beginAdoption(ready, now);
  return unsettled(ready, RULES[cursor.stage](ready, observed(ready, cursor, now), now), now);
}

/** A decision that moves pods in or out of the Service begins a new settle time: nothing may be stopped on the strength of the old one. */
function unsettled(seen: Ready, decision: Decision, now: number): Decision {
  if (decision.kind === "Blocked" || decision.cursor.steadyAt === undefined) return decision;
  if (markEffects(seen, decision.cursor, want(seen, decision.cursor, now)).length === 0) return decision;
  const { steadyAt: _steady, ...cursor } = decision.cursor;
  return { ...decision, cursor };
}

/** The replicas that a revision with all traffic has: an absent number never means 1, it means what ran. */
export function replicasWanted(seen: Ready, cursor: Cursor | undefined): number {
  return seen.spec.replicas ?? seen.workload.gitReplicas ?? cursor?.replicas ?? seen.workload.replicas;
}

/** Folds into the cursor what only time and observation tell: the wanted replicas and since when traffic is in place. */
function observed(seen: Ready, cursor: Cursor, now: number): Cursor {
  const next = withSelection(cursor, { replicas: replicasWanted(seen, cursor) });
  if (trafficInPlace(seen, next)) return { ...next, steadyAt: next.steadyAt ?? iso(now) };
  const { steadyAt: _steady, ...unsteady } = next;
  return unsteady;
}

/** A deleted resource whose Deployment or Service is gone too, or that never took over: nothing is left to hand back. */
function orphaned(seen: Seen, now: number): Decision {
  const { cursor } = seen;
  if (cursor === undefined)
    return { kind: "Rest", cursor: NOTHING, because: because("HandingBack", "nothing was taken over") };
  const gone = enter(cursor, now, { stage: "Releasing", selection: { kind: "Git" } });
  const steady = { ...gone, steadyAt: cursor.stage === "Releasing" ? (cursor.steadyAt ?? iso(now)) : iso(0) };
  return {
    kind: "Hold",
    cursor: steady,
    because: because("HandingBack", "the Deployment or the Service is gone; revisions are removed"),
  };
}

function blocked(reason: "WorkloadMissing" | "ServiceMissing", message: string, exit: string): Decision {
  return { kind: "Blocked", because: because(reason, message, exit) };
}

/** The cursor of a rollout that never began and is over: it makes the finalizer go. */
const NOTHING: Cursor = {
  stage: "Releasing",
  stable: "none",
  weight: 0,
  selection: { kind: "Git" },
  replicas: 0,
  enteredAt: iso(0),
  startedAt: iso(0),
  steadyAt: iso(0),
  peak: 0,
  verdicts: [],
  passed: [],
  previous: [],
};
