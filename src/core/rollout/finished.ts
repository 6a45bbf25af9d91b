import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { RolloutHistoryEntry } from "../../api/v1alpha1/progressiverollout.ts";
import { iso } from "./decision.ts";
import { since } from "./timing.ts";

/** The line of the history for a rollout that has just ended. */
export function finished(
  cursor: Cursor,
  now: number,
  end: Pick<RolloutHistoryEntry, "revision" | "outcome" | "message">,
): RolloutHistoryEntry {
  const { origin, startedAt, peak, peakShare, reason = end.outcome } = cursor;
  return {
    ...end,
    reason,
    ...(origin?.revision === end.revision ? commitOf(origin) : {}),
    startedAt,
    finishedAt: iso(now),
    duration: lasting(since(startedAt, now)),
    peakWeight: peak,
    ...(peakShare === undefined ? {} : { peakShare }),
  };
}

function commitOf({ commit, author }: NonNullable<Cursor["origin"]>): Pick<RolloutHistoryEntry, "commit" | "author"> {
  return { commit, ...(author === undefined ? {} : { author }) };
}

/** A span in whole seconds, as a person writes it: 45s, 12m30s, 3h0m5s. */
function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const above = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : "";
  return `${above}${seconds % 60}s`;
}
