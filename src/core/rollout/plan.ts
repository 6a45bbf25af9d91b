import type { Cursor, Stage } from "../../api/v1alpha1/cursor.ts";
import { because } from "./because.ts";
import { type Decision, enter, hold, iso, restoring, withSelection, withSplit } from "./decision.ts";
import { want } from "./effects.ts";
import { markEffects } from "./marks.ts";
import { rivalOver } from "./routes/fight.ts";
import {
  endpointsOf,
  hasTemplateOf,
  isRouted,
  type Seen,
  type ServiceSeen,
  shareNow,
  trafficInPlace,
  type WorkloadSeen,
  wordFor,
} from "./seen.ts";
import { adopting, beginAdoption, emptying, narrowing } from "./stages/adoption.ts";
import { restoring as bringBack, handingBack, releasing } from "./stages/handBack.ts";
import { resting } from "./stages/resting.ts";
import { returning } from "./stages/returning.ts";
import { stepping } from "./stages/stepping.ts";
import { switching } from "./stages/switching.ts";
import { announced } from "./webhooks.ts";

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
  Restoring: bringBack,
  HandingBack: handingBack,
  Releasing: releasing,
};

/**
 * Decides the next move of a rollout from all the evidence. Pure: same evidence and time, same decision.
 * `now` is epoch milliseconds.
 */
export function plan(seen: Seen, now: number): Decision {
  if (seen.deleting && seen.workload === undefined) return orphaned(seen, now);
  if (seen.workload === undefined) {
    const name = seen.spec.workloadRef.name;
    return blocked(
      "WorkloadMissing",
      `there is no Deployment ${name}`,
      "commit the Deployment, or correct spec.workloadRef.name",
    );
  }
  if (seen.service === undefined) {
    if (seen.deleting) return unserved({ ...seen, workload: seen.workload }, now);
    const name = seen.spec.serviceRef.name;
    return blocked(
      "ServiceMissing",
      `there is no Service ${name}`,
      "commit the Service, or correct spec.serviceRef.name",
    );
  }
  const ready: Ready = { ...seen, workload: seen.workload, service: seen.service };
  const cursor = seen.cursor ?? rebuilt(ready, now);
  if (cursor !== undefined) {
    const decision = RULES[cursor.stage](ready, observed(ready, cursor, now), now);
    return announced(cursor, contested(ready, unsettled(ready, decision, now), now), seen.spec.webhooks, now);
  }
  if (seen.deleting)
    return { kind: "Rest", cursor: nothing("none"), because: because("HandingBack", "nothing was taken over") };
  if (seen.problem !== undefined) return { kind: "Blocked", because: seen.problem };
  return beginAdoption(ready, now);
}

/** A decision that moves pods in or out of the Service begins a new settle time: nothing may be stopped on the strength of the old one. */
function unsettled(seen: Ready, decision: Decision, now: number): Decision {
  if (decision.kind === "Blocked" || decision.cursor.steadyAt === undefined) return decision;
  if (markEffects(seen, decision.cursor, want(seen, decision.cursor, now)).length === 0) return decision;
  const { steadyAt: _steady, ...cursor } = decision.cursor;
  return { ...decision, cursor };
}

/** A route that someone else keeps changing is put back later, and that says why things stand still; no event may come by then. */
function contested(seen: Seen, decision: Decision, now: number): Decision {
  if (decision.kind === "Blocked" || decision.kind === "Advance") return decision;
  const { cursor, recheckInMs = Number.POSITIVE_INFINITY } = decision;
  for (const route of seen.routes) {
    const rival = rivalOver(route, wordFor(seen, cursor, route), now);
    if (rival === undefined) continue;
    const message = `${route.kind} ${route.name} is changed again and again by ${rival.by}, and corrections are slowed down`;
    const why = because("Fighting", message, `goes on when ${rival.by} leaves the route alone`);
    return hold(cursor, why, Math.min(recheckInMs, rival.until - now));
  }
  return decision;
}

/** The replicas that a revision with all traffic has: an absent number never means 1, it means what ran. */
export function replicasWanted(seen: Ready, cursor: Cursor | undefined): number {
  // Until the Deployment is taken over, it is what an autoscaler or a person scales.
  const remembered = cursor === undefined || cursor.stage === "Adopting" ? undefined : cursor.replicas;
  const said = seen.autoscaled !== undefined ? undefined : seen.workload.gitReplicas;
  return seen.spec.replicas ?? said ?? remembered ?? seen.workload.replicas;
}

/**
 * Folds into the cursor what only time and observation tell: the wanted replicas, since when traffic is in place, and the
 * highest share of what is on its way.
 */
function observed(seen: Ready, before: Cursor, now: number): Cursor {
  const cursor = withShare(seen, before);
  const named = isRouted(seen) ? cursor : withSplit(cursor, undefined);
  const next = withSelection(named, { replicas: replicasWanted(seen, cursor) });
  if (trafficInPlace(seen, next)) return { ...next, steadyAt: next.steadyAt ?? iso(now) };
  const { steadyAt: _steady, ...unsteady } = next;
  return unsteady;
}

function withShare(seen: Ready, cursor: Cursor): Cursor {
  const revision = cursor.candidate ?? cursor.toward;
  const share = revision === undefined ? 0 : shareNow(seen, revision);
  return share > (cursor.peakShare ?? 0) ? { ...cursor, peakShare: share } : cursor;
}

/**
 * The cursor of a rollout that has lost its status, by a restored backup for example: the revision that serves is stable.
 * What Git says beside it is then judged from its first step, and a Deployment at 0 is not taken for what ran.
 */
function rebuilt(seen: Ready, now: number): Cursor | undefined {
  const [serving] = seen.revisions
    .filter(({ replicas }) => replicas > 0)
    .sort((a, b) => endpointsOf(seen, b.hash) - endpointsOf(seen, a.hash) || b.replicas - a.replicas);
  if (serving === undefined) return undefined;
  return {
    ...nothing(serving.hash),
    stage: "Resting",
    selection: { kind: "Revision", revision: serving.hash },
    replicas: serving.replicas,
    enteredAt: iso(now),
    startedAt: iso(now),
  };
}

/** A deleted resource whose Deployment is gone too: nothing is left to hand back to, so what Fairlead made is removed. */
function orphaned(seen: Seen, now: number): Decision {
  const cursor = seen.cursor ?? nothing(seen.revisions[0]?.hash ?? "none");
  const gone = cursor.stage === "Releasing" ? cursor : enter(cursor, now, { stage: "Releasing" });
  const why = because("HandingBack", "the Deployment is gone; the revisions are removed", "goes on by itself");
  return hold({ ...withSplit(gone, undefined), selection: { kind: "Git" }, steadyAt: iso(0) }, why);
}

/** A deleted resource whose Service is gone: no request can be lost, but the Deployment still takes its pods back first. */
function unserved(seen: Seen & { readonly workload: WorkloadSeen }, now: number): Decision {
  const { cursor, workload } = seen;
  if (cursor === undefined) return orphaned(seen, now);
  const back = hasTemplateOf(seen, cursor.stable) && workload.ready >= cursor.replicas;
  if (back || cursor.stage === "Releasing") return orphaned(seen, now);
  const why = because("HandingBack", "the Deployment is brought back to full size", "goes on when its pods are ready");
  return hold(cursor.stage === "Restoring" ? cursor : restoring(cursor, now), why);
}

function blocked(reason: "WorkloadMissing" | "ServiceMissing", message: string, exit: string): Decision {
  return { kind: "Blocked", because: because(reason, message, exit) };
}

/** The cursor of a rollout that never began, around a stable revision. Released, it makes the finalizer go. */
function nothing(stable: string): Cursor {
  return {
    stage: "Releasing",
    stable,
    weight: 0,
    selection: { kind: "Git" },
    replicas: 0,
    enteredAt: iso(0),
    startedAt: iso(0),
    steadyAt: iso(0),
    peak: 0,
    calls: [],
    checks: [],
    verdicts: [],
    previous: [],
    rejected: [],
  };
}
