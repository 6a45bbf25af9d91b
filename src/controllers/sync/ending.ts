import type { Attempt, Failure, SyncOutcome, Waiting } from "../../core/sync/outcome.ts";
import type { PruneDecision } from "../../core/sync/prune.ts";
import type { Commit } from "../../ports/git.ts";
import type { Applied } from "./apply.ts";
import type { SyncState } from "./state.ts";

/** How long a set with something broken in it waits for its next try; a commit or a watch event comes sooner. */
const RETRY_MS = 10_000;
const RETRY_MAX_MS = 60_000;
/** How soon the API server may serve a kind whose definition has just been applied, or another sync may have looked. */
const SOON_MS = 500;
const SOON_MAX_MS = 5_000;

/** How a pass ends whose files are broken. */
export function brokenOutcome(state: SyncState, now: number): SyncOutcome | undefined {
  if (state.broken === undefined) return undefined;
  return { kind: "RenderFailed", attempt: attemptOf(state.broken.commit, state, now), problems: state.broken.problems };
}

/** The commit that a pass worked on. */
export function attemptOf(commit: Commit, state: SyncState, now: number): Attempt {
  return {
    revision: commit.sha,
    ...(commit.ref === undefined ? {} : { ref: commit.ref }),
    subject: commit.subject,
    author: commit.author,
    durationMillis: Math.min(Math.max(0, now - state.startedAt), 86_400_000),
  };
}

interface Found {
  readonly failures: readonly Failure[];
  readonly waiting: readonly Waiting[];
  /** Of the rendering. */
  readonly notes: readonly string[];
}

/** How a pass ends, by what it found; what is worst is told. */
export function outcomeOf(
  attempt: Attempt,
  objects: number,
  { failures, waiting, notes: rendering }: Found,
  pruning: PruneDecision,
): SyncOutcome {
  if (failures.length > 0) return { kind: "Failed", attempt, objects, failures };
  if (pruning.kind === "Held") return { kind: "PruneHeld", attempt, objects, message: pruning.message };
  if (waiting.length > 0 || (pruning.kind === "Deferred" && pruning.because === "Unasked")) {
    return { kind: "Progressing", attempt, applied: objects - waiting.length, objects, waiting };
  }
  const notes =
    pruning.kind === "Deferred"
      ? [pruning.message]
      : pruning.kind === "Prune"
        ? pruning.keep.map(({ message }) => message)
        : [];
  return { kind: "Applied", attempt, objects, notes: [...rendering, ...notes] };
}

/**
 * When to look again although no watch may tell of anything: the longer the work on a commit goes on, `sinceMs`, the later.
 * A deletion that is switched off or held waits for people.
 */
export function recheck(
  results: readonly Applied[],
  failures: readonly Failure[],
  pruning: PruneDecision,
  sinceMs: number,
): number | undefined {
  const soon = Math.min(Math.max(SOON_MS, sinceMs / 20), SOON_MAX_MS);
  const retry = Math.min(Math.max(RETRY_MS, sinceMs / 4), RETRY_MAX_MS);
  const because = pruning.kind === "Deferred" ? pruning.because : undefined;
  const times = [
    ...results.flatMap((result) =>
      result.kind === "Slowed"
        ? [result.ms]
        : result.kind === "Waiting"
          ? [result.until === "Gone" ? retry : soon]
          : [],
    ),
    ...(because === "Unasked" ? [soon] : []),
    // What cannot be read is told of by no watch, and the end of a revision by none of this sync's.
    ...(pruning.kind === "Prune" && pruning.keep.some(({ why }) => why === "Unreadable" || why === "Needed")
      ? [retry]
      : []),
    ...(failures.length > 0 || because === "Unhealthy" || because === "RolloutUnderWay" ? [retry] : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times);
}
