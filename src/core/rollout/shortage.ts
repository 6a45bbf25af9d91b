import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { type Because, because } from "./because.ts";
import { iso } from "./decision.ts";
import { readyOf, type Seen } from "./seen.ts";
import { watched } from "./timing.ts";

/** Why pods of a revision are not even made, in the API server's words. */
export function refusalOf({ revisions }: Seen, revision: string): string | undefined {
  return revisions.find(({ hash }) => hash === revision)?.refused;
}

/** Tells whether a quota keeps pods of a revision from being made: no fault of the revision, and no commit of it helps. */
export function isOverQuota(seen: Seen, revision: string): boolean {
  return refusalOf(seen, revision)?.includes("exceeded quota") ?? false;
}

/** A revision that lacks ready pods. */
export interface Shortage {
  readonly message: string;
  /** The reason of a hold for it, without the way out. */
  readonly reason: Because["reason"];
  readonly exit: string;
  /** With the progress deadline's clock running, or not. */
  readonly cursor: Cursor;
  /** What is said of it once it has lasted too long. */
  readonly late: string;
  /** Milliseconds until the deadline; undefined while its clock stands. */
  readonly leftMs: number | undefined;
}

/**
 * What a revision lacks, and how long it may. The clock of the progress deadline stands while a quota, a pause or input that
 * cannot be worked with keeps it from being ready, and begins anew afterwards.
 */
export function shortageOf(seen: Seen, cursor: Cursor, revision: string, wanted: number, now: number): Shortage {
  const refused = refusalOf(seen, revision);
  const quota = isOverQuota(seen, revision);
  const deadline = seen.spec.progressDeadlineSeconds;
  const missing = `${readyOf(seen, revision)} of ${wanted} pods of revision ${revision} are ready`;
  const cause = refused === undefined ? "" : `: ${refused}`;
  const said = { message: `${missing}${cause}`, late: `${missing} after ${deadline} s${cause}` };
  const { unreadySince: since, ...rest } = cursor;
  if (quota || seen.spec.paused || seen.problem !== undefined) {
    const exit = quota ? "goes on when the quota has room for them, or revert" : "goes on when they are ready";
    const reason = quota ? "QuotaExceeded" : "CapacityMissing";
    return { ...said, reason, exit, cursor: rest, leftMs: undefined };
  }
  const unreadySince = since ?? iso(now);
  const exit = `goes on when they are ready; rejected after ${deadline} s without them`;
  const leftMs = deadline * 1_000 - watched(seen, unreadySince, now);
  return { ...said, reason: "CapacityMissing", exit, cursor: { ...rest, unreadySince }, leftMs };
}

/** The hold that a shortage is. */
export function becauseOf({ reason, message, exit }: Shortage): Because {
  return because(reason, message, exit);
}
