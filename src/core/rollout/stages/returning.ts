import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import type { RolloutHistoryEntry } from "../../../api/v1alpha1/progressiverollout.ts";
import { because } from "../because.ts";
import { advance, type Decision, enter, hold, restoring, switching, withSelection } from "../decision.ts";
import { finished } from "../finished.ts";
import type { StageRule } from "../plan.ts";
import { weightIn } from "../routes/split.ts";
import { isLeaving, isRouted, readyOf, type Seen } from "../seen.ts";
import { isOverQuota, refusalOf } from "../shortage.ts";
import { settleLeft } from "../timing.ts";
import { mostForStable, patienceLeft } from "../wayBack.ts";
import { allAt, routeHome } from "./routing.ts";

/** The candidate carries what stable cannot yet. Where a quota keeps stable small, its pods make room one after the other. */
function waiting(seen: Seen, cursor: Cursor, patience: number): Decision {
  const { stable, candidate, replicas } = cursor;
  const message = `${readyOf(seen, stable)} of ${replicas} pods of stable are ready; the candidate carries the rest`;
  if (!isOverQuota(seen, stable)) return hold(cursor, because("Returning", message, "goes on by itself"), patience);
  const why = `${message}, and its pods make room: ${refusalOf(seen, stable)}`;
  const held = because("QuotaExceeded", why, "goes on as they go, or when the quota has room");
  // One pod after the other can leave only where both tracks serve.
  const alone = !isRouted(seen) && cursor.selection.revision === candidate;
  return alone
    ? advance(withSelection(cursor, { selection: { kind: "Serving" } }), held)
    : hold(cursor, held, patience);
}

/** How soon pods that have just become ready are looked at again. */
const SOON_MS = 1_000;

/** Stable takes all traffic, within its ready capacity; then the candidate goes. */
export const returning: StageRule = (seen, cursor, now) => {
  const { stable, candidate, cause } = cursor;
  const { target } = seen.workload;
  const ready = readyOf(seen, stable);
  const routed = weightIn(cursor.split ?? allAt(stable), stable) === 100 && cursor.audience === undefined;
  const home = routed && cursor.selection.kind === "Revision" && cursor.selection.revision === stable;
  if (ready === 0 && cursor.replicas > 0) {
    if (seen.deleting) return advance(restoring(cursor, now), because("HandingBack", "the rollout is deleted"));
    if (target !== stable && !seen.arriving && !(target === candidate && cause === "Rejected")) {
      const message = `stable revision ${stable} has no ready pod; revision ${target} takes over as soon as it is ready`;
      return switching(cursor, now, { toward: target, cause: "Rescued", message });
    }
    const message = `stable revision ${stable} has no ready pod; revision ${candidate ?? "none"} serves on`;
    return hold(cursor, because("CapacityMissing", message, "goes on when one is ready, or commit a fix"));
  }
  if (!home) {
    const patience = patienceLeft(seen, cursor, now);
    // A candidate without a ready pod carries nothing: whatever is ready of stable is better than that.
    const carries = candidate !== undefined && readyOf(seen, candidate) > 0;
    const routing = routeHome(seen, cursor, patience <= 0 || !carries, now);
    if (routing !== undefined) return routing;
    if ((ready < cursor.replicas || isLeaving(seen, stable)) && carries && patience > 0) {
      return waiting(seen, cursor, patience);
    }
    if (!routed) {
      const why = because(
        "Returning",
        "pods of stable enter its own Service; the candidate carries the rest",
        "goes on by itself",
      );
      return hold(cursor, why, SOON_MS);
    }
    const next = withSelection(cursor, { selection: { kind: "Revision", revision: stable } });
    return advance(next, because("Returning", `all traffic goes to stable revision ${stable}`));
  }
  const settle = settleLeft(seen, cursor, now);
  if (settle.kind !== "Settled") {
    // What stable cannot take yet is not moved, and time alone may end that.
    const early = mostForStable(seen, cursor, now) < 100 ? patienceLeft(seen, cursor, now) : undefined;
    return hold(cursor, because("Settling", "requests move to stable", "goes on by itself"), settle.ms ?? early);
  }
  const message = cursor.message ?? "the candidate left";
  const outcome = cause === "Rejected" || cause === "Superseded" ? cause : "Cancelled";
  const entry = finished(cursor, now, { revision: candidate ?? stable, outcome, message });
  const { candidate: _left, cause: _cause, message: _m, reason: _r, step: _step, steps: _steps, ...kept } = cursor;
  const marked =
    cause === "Rejected" && candidate !== undefined ? remembering(kept, candidate, entry, seen.spec.retry) : kept;
  return advance(enter(marked, now, { stage: "Resting", weight: 0 }), because(outcome, message), entry);
};

/** How many refused revisions are remembered. */
const REMEMBERED = 10;

export function remembering(
  cursor: Cursor,
  revision: string,
  { message, finishedAt }: RolloutHistoryEntry,
  retry: string | undefined,
): Cursor {
  const entry = { revision, message, at: finishedAt, ...(retry === undefined ? {} : { retry }) };
  const others = cursor.rejected.filter((former) => former.revision !== revision);
  return { ...cursor, rejected: [entry, ...others].slice(0, REMEMBERED) };
}
