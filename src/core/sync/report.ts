import { type JsonObject, sameJson } from "../../api/json.ts";
import { title } from "../../api/objects.ts";
import { type Position, place } from "../../api/rendered.ts";
import type { GitSyncStatus } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { Reason } from "../../api/v1alpha1/reasons.ts";
import { type Finding, setConditions } from "../status/conditions.ts";
import { clip, count, oneLine, some } from "../status/text.ts";
import type { Problem } from "./desiredSet.ts";
import { endedAlike, pushHistory, type SyncHistoryEntry } from "./history.ts";
import { type Inventory, titleOf } from "./inventory.ts";
import type { Attempt, Failure, SyncOutcome } from "./outcome.ts";

/** What a status is projected from. */
export interface SyncReport {
  readonly before: GitSyncStatus;
  readonly generation: number;
  /** RFC 3339. */
  readonly now: string;
  readonly outcome: SyncOutcome;
  /** The inventory after this pass; without it the stored one stays. */
  readonly inventory?: Inventory;
  /** Objects of this sync that others declare too, and which of them. */
  readonly contests?: readonly { readonly id: string; readonly by: string }[];
  /** The last revision that was verified; undefined where nothing has to be. */
  readonly verified?: { readonly sha: string; readonly tag: string | undefined } | undefined;
  /** The value of the requested-at annotation that this pass has answered. */
  readonly handledRequest?: string;
}

/** Whether Fairlead goes on by itself, or a person has to act, or neither. */
type Motion = "Reconciling" | "Stalled" | "Still";

interface Verdict {
  readonly ready: "True" | "False" | "Unknown";
  readonly reason: Reason;
  readonly motion: Motion;
  readonly message: string;
}

type Failing = SyncOutcome & { readonly kind: "Failed" };

const LISTED = 5;

/** Git troubles that may pass without anybody's doing. */
const PASSING: readonly Reason[] = [
  "HostUnreachable",
  "HostUnknown",
  "HostError",
  "RateLimited",
  "Timeout",
  "GitFailed",
  "ReconcileFailed",
];

/** What a person does about an object that failed; the reasons in the order in which they are worth naming first. */
const WAY_OUT: readonly (readonly [Failure["reason"], string])[] = [
  ["Forbidden", "grant the permission to the account that writes"],
  ["ApplyFailed", "correct the manifest and push"],
  [
    "ImmutableField",
    `put the former value back, or let the object be deleted and made anew by the annotation ${Mark.recreate}: allowed`,
  ],
  ["OwnedByOther", "declare the object in one of the two only"],
  ["Unhealthy", "correct or revert the commit"],
  ["PruneFailed", "remove what keeps the API server from deleting it"],
  ["UnknownKind", "install what brings the kind; the other objects are applied"],
  ["Fighting", "find the other writer, or take the field out of Git"],
  ["ReconcileFailed", "it is tried again"],
];

/**
 * The status of a sync after a pass. A pure projection: the same pass again gives the same status, so nothing is written at rest.
 * `appliedRevision` moves only when the whole commit is in place, deletions included.
 */
export function syncStatus(report: SyncReport): GitSyncStatus {
  const { before, outcome } = report;
  const verdict = judge(outcome, before);
  const attempt = "attempt" in outcome ? outcome.attempt : undefined;
  const history = historyOf(report, verdict.reason);
  return {
    ...before,
    observedGeneration: report.generation,
    conditions: setConditions(
      before.conditions,
      [...findings(verdict), ...contested(report.contests)],
      report.now,
      report.generation,
    ),
    ...(attempt === undefined ? {} : attempted(attempt)),
    verifiedRevision: report.verified?.sha,
    verifiedTag: report.verified?.tag,
    ...(outcome.kind === "Applied" ? applied(outcome.attempt, outcome.objects) : {}),
    ...(report.inventory === undefined ? {} : { inventory: [...report.inventory] }),
    ...(history === undefined ? {} : { history }),
    ...(report.handledRequest === undefined ? {} : { lastHandledRequest: report.handledRequest }),
  };
}

/**
 * Tells whether a status differs from the former one only in how far the work on the same commit has come. The uids of what has
 * been applied may wait as well: where one is missing, the object's mark is the proof. Of a sync that has no status yet, all is.
 */
export function onlyProgress(before: GitSyncStatus, after: GitSyncStatus): boolean {
  const told = ({ conditions = [], inventory = [], ...rest }: GitSyncStatus) => ({
    ...(rest as JsonObject),
    conditions: conditions.map(({ message, ...condition }) =>
      condition.reason === "Progressing" ? condition : { ...condition, message },
    ),
    ids: inventory.map(({ id }) => id),
  });
  const progressing = after.conditions?.some(({ type, reason }) => type === "Ready" && reason === "Progressing");
  return progressing === true && (before.conditions === undefined || sameJson(told(before), told(after)));
}

/** Tells whether all that is new in a status is the name of the commit that is in place, told as Applied before and after. */
export function onlyRenamed(before: GitSyncStatus, after: GitSyncStatus): boolean {
  const told = (status: GitSyncStatus) => {
    const { conditions = [], appliedRevision: _a, attemptedRevision: _b, attemptedRef: _c, ...rest } = status;
    const { subject: _subject, history: _history, ...others } = rest;
    return {
      ...(others as JsonObject),
      conditions: conditions.map(({ message, ...condition }) =>
        condition.reason === "Applied" ? condition : { ...condition, message },
      ),
    };
  };
  const isApplied = after.conditions?.some(({ type, reason }) => type === "Ready" && reason === "Applied");
  return isApplied === true && sameJson(told(before), told(after));
}

function attempted({ revision, ref }: Attempt) {
  return { attemptedRevision: revision, attemptedRef: ref };
}

function applied(attempt: Attempt, objects: number) {
  const subject = attempt.subject === undefined ? {} : { subject: clip(oneLine(attempt.subject), 200) };
  return { appliedRevision: attempt.revision, objects, ...subject };
}

function findings({ ready, reason, motion, message }: Verdict): readonly Finding[] {
  const said = { reason, message };
  const moving: readonly Finding[] = motion === "Still" ? [] : [{ type: motion, status: "True", ...said }];
  return [{ type: "Ready", status: ready, ...said }, ...moving];
}

/** What its owner sees of a conflict: the other sync is refused, and says so itself. */
function contested(contests: SyncReport["contests"] = []): readonly Finding[] {
  if (contests.length === 0) return [];
  const list = contests.map(({ id, by }) => `${titleOf(id)}, which GitSync ${by} declares as well and is refused`);
  const message = `This sync keeps ${some(list, LISTED, "; ")}; declare each object in one of the two only.`;
  return [{ type: "Contested", status: "True", reason: "Contested", message }];
}

function judge(outcome: SyncOutcome, before: GitSyncStatus): Verdict {
  switch (outcome.kind) {
    case "Suspended":
      return said(
        "False",
        "Suspended",
        "Still",
        "spec.suspend is set, so nothing is applied or corrected; set it to false to go on.",
      );
    case "InvalidSpec":
      return said("False", "InvalidSpec", "Stalled", sentence(outcome.message));
    case "Deleting":
      return said("False", "Deleting", "Reconciling", sentence(outcome.message));
    case "Held": {
      const { revision } = outcome;
      const held = revision === undefined ? "" : `Nothing of ${revision.slice(0, 8)} is applied: `;
      const message = held + sentence(outcome.message) + stillThere(before);
      // A wait for another sync is no failure: it ends by itself.
      return outcome.stalled
        ? said("False", outcome.reason, "Stalled", message)
        : said("Unknown", outcome.reason, "Reconciling", message);
    }
    case "GitFailed": {
      const motion = PASSING.includes(outcome.reason) ? "Reconciling" : "Stalled";
      return said("False", outcome.reason, motion, sentence(outcome.message) + stillThere(before));
    }
    case "RenderFailed":
    case "Refused":
      return broken(outcome.problems, outcome.attempt, before);
    case "Progressing": {
      const { attempt, objects, waiting } = outcome;
      const waits = waiting.map(({ ref, position, message }) => `${where(position)}${title(ref)}: ${message}`);
      const rest = waits.length === 0 ? "" : `; waiting for ${some(waits, LISTED, "; ")}`;
      const message = `${outcome.applied} of ${count(objects, "object")} of ${short(attempt)} are applied${rest}.`;
      return said("Unknown", "Progressing", "Reconciling", message);
    }
    case "Failed":
      return failing(outcome, before);
    case "PruneHeld":
      return said("False", "PruneHeld", "Stalled", sentence(outcome.message));
    case "Applied": {
      const main = `Revision ${short(outcome.attempt)} is applied, and its ${count(outcome.objects, "object")} ${outcome.objects === 1 ? "is" : "are"} healthy`;
      return said("True", "Applied", "Still", `${[main, ...outcome.notes.map(bare)].join("; ")}.`);
    }
  }
}

function said(ready: Verdict["ready"], reason: Reason, motion: Motion, message: string): Verdict {
  return { ready, reason, motion, message };
}

/** Files that nothing can be made of: each problem with its place, and what stays in the cluster meanwhile. */
function broken(problems: readonly Problem[], attempt: Attempt, before: GitSyncStatus): Verdict {
  const places = problems.map(({ position, message }) => `${place(position)}: ${bare(message)}`);
  const message = `Nothing of ${short(attempt)} is applied: ${some(places, LISTED, "; ")}.${stillThere(before)}`;
  return said("False", problems[0]?.reason ?? "ReconcileFailed", "Stalled", message);
}

function failing({ failures, attempt, untouched }: Failing, before: GitSyncStatus): Verdict {
  const [reason, wayOut] = WAY_OUT.find(([candidate]) => failures.some((failure) => failure.reason === candidate)) ?? [
    "ReconcileFailed" as const,
    "it is tried again",
  ];
  const worstFirst = [...failures].sort((a, b) => Number(b.reason === reason) - Number(a.reason === reason));
  const list = worstFirst.map(({ ref, position, message }) => {
    return `${where(position)}${title(ref)} ${bare(message)}`;
  });
  const passing = reason === "UnknownKind" || reason === "Fighting" || reason === "ReconcileFailed";
  const all = `${some(list, LISTED, "; ")}; ${wayOut}.`;
  const message = untouched
    ? `Nothing of ${short(attempt)} is applied, as a dry run of it failed: ${all}${stillThere(before)}`
    : `${short(attempt)} is not in place: ${all}`;
  return said("False", reason, passing ? "Reconciling" : "Stalled", message);
}

/** Says what still runs when Git can't be followed: that is the reader's next question. */
function stillThere(before: GitSyncStatus): string {
  return before.appliedRevision === undefined ? "" : ` Revision ${before.appliedRevision.slice(0, 8)} stays in place.`;
}

/** The history with this attempt, if it has ended, and otherwise than the last time: repeats are no news. */
function historyOf({ before, outcome, now }: SyncReport, reason: Reason): SyncHistoryEntry[] | undefined {
  if (!("attempt" in outcome) || outcome.kind === "Progressing") return undefined;
  const { revision, subject, author, durationMillis } = outcome.attempt;
  const entry: SyncHistoryEntry = {
    revision,
    ...(subject === undefined ? {} : { subject }),
    ...(author === undefined ? {} : { author }),
    outcome: outcome.kind === "Applied" || outcome.kind === "PruneHeld" ? "Applied" : "Failed",
    reason,
    finishedAt: now,
    durationMillis,
    objects: "objects" in outcome ? outcome.objects : 0,
  };
  const newest = before.history?.[0];
  return newest !== undefined && endedAlike(newest, entry) ? undefined : pushHistory(before.history, entry);
}

function short({ revision }: Attempt): string {
  return revision.slice(0, 8);
}

function where(position: Position | undefined): string {
  return position === undefined ? "" : `${place(position)}: `;
}

function bare(text: string): string {
  return oneLine(text).replace(/\.$/, "");
}

function sentence(text: string): string {
  return `${bare(text)}.`;
}
