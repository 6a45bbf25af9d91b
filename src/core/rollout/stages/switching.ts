import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { because } from "../because.ts";
import { advance, type Decision, enter, hold, iso, returning, withSelection, withSplit } from "../decision.ts";
import { finished } from "../finished.ts";
import type { Ready, StageRule } from "../plan.ts";
import { weightIn } from "../routes/split.ts";
import { endpointsOf, isLeaving, readyOf } from "../seen.ts";
import { shortageOf } from "../shortage.ts";
import { settleLeft } from "../timing.ts";
import { allAt, routeAll } from "./routing.ts";

/** `toward` takes all traffic once it can carry it, then becomes stable. Nothing restarts: pointers move. */
export const switching: StageRule = (seen, cursor, now) => {
  const { toward, stable } = cursor;
  if (toward === undefined)
    return advance(enter(cursor, now, { stage: "Resting" }), because("AtRest", "nothing to switch to"));
  const moved = cursor.selection.kind === "Revision" && cursor.selection.revision === toward;
  return moved ? settle(seen, cursor, toward, now) : prepare(seen, cursor, toward, stable, now);
};

function prepare(seen: Ready, cursor: Cursor, toward: string, stable: string, now: number): Decision {
  const { target } = seen.workload;
  if (target !== toward || seen.deleting) return turnAway(seen, cursor, now, `Git asks for revision ${target} now`);
  // A spell without readiness is no licence to skip the judgement: the rescue is for a stable that is still down.
  if (cursor.cause === "Rescued" && cursor.replicas > 0 && readyOf(seen, stable) > 0) {
    return turnAway(seen, cursor, now, `stable revision ${stable} is ready again`);
  }
  const ready = readyOf(seen, toward);
  if (ready === 0 && readyOf(seen, stable) > 0 && (weightIn(cursor.split, toward) > 0 || cursor.audience === toward)) {
    return advance(
      withSplit(cursor, allAt(stable)),
      because("CapacityMissing", `revision ${toward} has no ready pod; ${stable} serves again`),
    );
  }
  const whole = ready >= cursor.replicas && !isLeaving(seen, toward);
  const enough = whole || (ready > 0 && readyOf(seen, stable) === 0);
  if (!enough) {
    const shortage = shortageOf(seen, cursor, toward, cursor.replicas, now);
    const { message, late, reason, leftMs } = shortage;
    if (cursor.cause === "Promoted" && leftMs !== undefined && leftMs <= 0) {
      return returning(cursor, now, "Rejected", because("CapacityMissing", late));
    }
    const exit = reason === "QuotaExceeded" ? shortage.exit : "goes on when they are ready, or commit a fix";
    const why = because(reason, `${message}; revision ${stable} serves on`, exit);
    return cursor.cause === "Promoted" ? hold(shortage.cursor, why, leftMs) : hold(cursor, why);
  }
  const routing = routeAll(seen, cursor, toward, now);
  if (routing !== undefined) return routing;
  const next = withSelection(cursor, { selection: { kind: "Revision", revision: toward } });
  return advance(next, because(reasonOf(cursor), `all traffic goes to revision ${toward}`));
}

/** Git changed its mind before the traffic moved. */
function turnAway(seen: Ready, cursor: Cursor, now: number, message: string): Decision {
  const { target } = seen.workload;
  if (cursor.candidate !== undefined) {
    if (seen.deleting) return returning(cursor, now, "Cancelled", because("HandingBack", "the rollout is deleted"));
    if (target === cursor.stable)
      return returning(cursor, now, "Cancelled", because("Cancelled", `Git went back to stable revision ${target}`));
    return returning(cursor, now, "Superseded", because("Superseded", message));
  }
  const { toward: _toward, cause: _cause, message: _message, reason: _reason, ...kept } = cursor;
  const selection = { kind: "Revision", revision: cursor.stable } as const;
  const home = kept.split === undefined ? kept : withSplit(kept, allAt(cursor.stable));
  const next = enter(home, now, { stage: "Resting", weight: 0, selection });
  return advance(next, because("Superseded", message));
}

function settle(seen: Ready, cursor: Cursor, toward: string, now: number): Decision {
  if (cursor.replicas > 0 && readyOf(seen, toward) === 0 && readyOf(seen, cursor.stable) > 0) {
    const routed = cursor.split === undefined ? cursor : withSplit(cursor, allAt(cursor.stable));
    const back = withSelection(routed, { selection: { kind: "Revision", revision: cursor.stable } });
    return advance(
      back,
      because("CapacityMissing", `revision ${toward} has no ready pod any more; ${cursor.stable} serves again`),
    );
  }
  // A newer word of Git need not wait for the settle time: it removes nothing, and the former stable is still warm.
  const superseded = seen.workload.target !== toward;
  const arrived = cursor.replicas === 0 || endpointsOf(seen, toward) > 0;
  const left = settleLeft(seen, cursor, now);
  if (!superseded && (left.kind !== "Settled" || !arrived)) {
    return hold(cursor, because("Settling", `requests move to revision ${toward}`, "goes on by itself"), left.ms);
  }
  const outcome = cursor.cause === "RolledBack" || cursor.cause === "Rescued" ? cursor.cause : "Promoted";
  const entry = finished(cursor, now, {
    revision: toward,
    outcome,
    message: cursor.message ?? `revision ${toward} is stable`,
  });
  const { toward: _t, candidate: _c, cause: _w, message: _m, reason: _r, step: _s, steps: _n, ...kept } = cursor;
  const next = enter(kept, now, {
    stage: "Resting",
    stable: toward,
    weight: 0,
    previous: previousAfter(seen, cursor, toward, now),
  });
  return advance(next, because(outcome, `revision ${toward} is stable`), entry);
}

/**
 * What Git may go back to without analysis. A promotion adds the former stable, warm for a while.
 * A rollback or a rescue adds nothing: what was left behind was left for a reason, and is judged anew if it returns.
 */
function previousAfter(seen: Ready, cursor: Cursor, toward: string, now: number): Cursor["previous"] {
  const { revisions, duration } = seen.spec.rollback.window;
  const earlier = cursor.previous.filter(({ revision }) => revision !== toward && revision !== cursor.stable);
  if (cursor.cause !== "Promoted") return earlier;
  const former = {
    revision: cursor.stable,
    until: iso(now + durationMs(duration)),
    warmUntil: iso(now + seen.spec.scaleDownDelaySeconds * 1_000),
  };
  return [former, ...earlier].slice(0, revisions);
}

function reasonOf(cursor: Cursor): "Promoting" | "RollingBack" | "Rescuing" {
  return cursor.cause === "RolledBack" ? "RollingBack" : cursor.cause === "Rescued" ? "Rescuing" : "Promoting";
}
