import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { because } from "../because.ts";
import { advance, type Decision, enter, hold, iso } from "../decision.ts";
import { finished } from "../finished.ts";
import { type Ready, replicasWanted, type StageRule } from "../plan.ts";
import { endpointsOf, readyOf } from "../seen.ts";
import { settleLeft } from "../timing.ts";

/** First sight: the live template becomes stable, and its own Deployment is brought up beside the live one. */
export function beginAdoption(seen: Ready, now: number): Decision {
  const cursor: Cursor = {
    stage: "Adopting",
    stable: seen.workload.target,
    weight: 0,
    selection: { kind: "Git" },
    replicas: replicasWanted(seen, undefined),
    enteredAt: iso(now),
    startedAt: iso(now),
    peak: 0,
    calls: [],
    checks: [],
    verdicts: [],
    previous: [],
    rejected: [],
    ...(seen.origin === undefined ? {} : { origin: { revision: seen.workload.target, ...seen.origin } }),
  };
  return advance(cursor, because("Adopting", `revision ${cursor.stable} is brought up beside the live Deployment`));
}

/** Both serve until as many pods of stable are ready as there were. */
export const adopting: StageRule = (seen, cursor, now) => {
  const { target } = seen.workload;
  if (seen.deleting)
    return advance(enter(cursor, now, { stage: "Restoring" }), because("HandingBack", "the rollout is deleted"));
  if (target !== cursor.stable) {
    return advance(enter(cursor, now, { stable: target }), because("Adopting", `Git moved on to revision ${target}`));
  }
  const ready = readyOf(seen, cursor.stable);
  if (ready < cursor.replicas) {
    const message = `${ready} of ${cursor.replicas} pods of revision ${cursor.stable} are ready; the live Deployment serves on`;
    return hold(cursor, because("CapacityMissing", message, "goes on when they are ready"));
  }
  const selection = { kind: "Revision", revision: cursor.stable } as const;
  return advance(
    enter(cursor, now, { stage: "Narrowing", selection }),
    because("Adopting", `the Service is narrowed to revision ${cursor.stable}`),
  );
};

/** The former pods are out of the Service; they stay until that has reached every node. */
export const narrowing: StageRule = (seen, cursor, now) => {
  if (cursor.replicas > 0 && readyOf(seen, cursor.stable) === 0) {
    const back = enter(cursor, now, { stage: "Adopting", selection: { kind: "Git" } });
    return advance(
      back,
      because("CapacityMissing", `revision ${cursor.stable} has no ready pod any more; the Deployment serves on`),
    );
  }
  const left = settleLeft(seen, cursor, now);
  const arrived = cursor.replicas === 0 || endpointsOf(seen, cursor.stable) > 0;
  if (left.kind !== "Settled" || !arrived) {
    return hold(cursor, because("Settling", "requests move to the revision's own pods", "goes on by itself"), left.ms);
  }
  return advance(
    enter(cursor, now, { stage: "Emptying" }),
    because("Adopting", "the taken-over Deployment is scaled to 0"),
  );
};

/** The taken-over Deployment loses its pods; none of them serves any more. */
export const emptying: StageRule = (seen, cursor, now) => {
  if (seen.workload.pods > 0 || seen.workload.replicas > 0) {
    return hold(
      cursor,
      because("Settling", "the taken-over Deployment is scaled to 0", "goes on by itself"),
      settleLeft(seen, cursor, now).ms,
    );
  }
  const entry = finished(cursor, now, {
    revision: cursor.stable,
    outcome: "Adopted",
    message: "the Deployment was taken over",
  });
  return advance(enter(cursor, now, { stage: "Resting" }), because("Adopted", entry.message), entry);
};
