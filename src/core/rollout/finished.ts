import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { RolloutHistoryEntry } from "../../api/v1alpha1/progressiverollout.ts";
import { iso } from "./decision.ts";

/** The line of the history for a rollout that has just ended. */
export function finished(
  cursor: Cursor,
  now: number,
  end: Pick<RolloutHistoryEntry, "revision" | "outcome" | "message">,
): RolloutHistoryEntry {
  return { ...end, startedAt: cursor.startedAt, finishedAt: iso(now), peakWeight: cursor.peak };
}
