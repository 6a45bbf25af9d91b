import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { carriedBy, isLowered } from "./lowering.ts";
import { readyOf, type Seen } from "./seen.ts";
import { since } from "./timing.ts";

/** A stable revision that is nearly at full size takes the traffic after this time: one slow pod must not hold a way back. */
const PATIENCE_MS = 30_000;

/**
 * Milliseconds for which missing pods of stable are still waited for. Those of a lowered stable have just begun to start, and
 * it would be overrun: they get the time that pods may take.
 */
export function patienceLeft(seen: Seen, cursor: Cursor, now: number): number {
  const missing = cursor.replicas - readyOf(seen, cursor.stable);
  const few = missing <= Math.max(1, Math.floor(cursor.replicas / 10));
  const patience = few || !isLowered(seen, cursor) ? PATIENCE_MS : seen.spec.progressDeadlineSeconds * 1_000;
  return patience - since(cursor.enteredAt, now);
}

/**
 * The most that stable may be given on a way back, in percent, while the candidate can carry the rest. What the cursor says was
 * decided when stable's pods were ready; an operator that was away in between finds others than that.
 */
export function mostForStable(seen: Seen, cursor: Cursor, now: number): number {
  const { stage, stable, candidate, replicas } = cursor;
  const ready = readyOf(seen, stable);
  const others = candidate === undefined || stage !== "Returning" ? 0 : readyOf(seen, candidate);
  if (others === 0 || ready >= replicas || (ready > 0 && patienceLeft(seen, cursor, now) <= 0)) return 100;
  return carriedBy(ready, others, replicas);
}
