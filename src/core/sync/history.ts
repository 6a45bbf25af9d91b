import type { GitSyncStatus } from "../../api/v1alpha1/gitsync.ts";
import { clip, oneLine } from "../status/text.ts";

/** One finished attempt of a sync. */
export type SyncHistoryEntry = NonNullable<GitSyncStatus["history"]>[number];

const LENGTH = 10;
const DURATION_MAX = 86_400_000;

/**
 * The history with one more attempt, newest first, at most ten.
 * Attempts of the newest revision that ended alike are one entry, the latest: a sync that keeps failing in two ways
 * doesn't push the past out. A revision that comes back after another one is a new entry.
 */
export function pushHistory(
  history: readonly SyncHistoryEntry[] | undefined = [],
  entry: SyncHistoryEntry,
): SyncHistoryEntry[] {
  const other = history.findIndex(({ revision }) => revision !== entry.revision);
  const head = other < 0 ? history : history.slice(0, other);
  const unlike = head.filter((former) => !endedAlike(former, entry));
  return [bounded(entry), ...unlike, ...history.slice(head.length)].slice(0, LENGTH);
}

/** Tells whether two attempts tried the same revision and ended in the same way. */
export function endedAlike(a: SyncHistoryEntry, b: SyncHistoryEntry): boolean {
  return a.revision === b.revision && a.outcome === b.outcome && a.reason === b.reason;
}

/** Within what the schema allows: subject and author are written by whoever commits. */
function bounded(entry: SyncHistoryEntry): SyncHistoryEntry {
  const { subject, author, ...rest } = entry;
  return {
    ...rest,
    ...(subject === undefined ? {} : { subject: clip(oneLine(subject), 200) }),
    ...(author === undefined ? {} : { author: clip(oneLine(author), 200) }),
    durationMillis: Math.min(Math.max(Math.round(entry.durationMillis), 0), DURATION_MAX),
  };
}
