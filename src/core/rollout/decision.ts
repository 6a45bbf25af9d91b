import { sameJson } from "../../api/json.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { RolloutHistoryEntry } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "./because.ts";
import type { Split } from "./routes/split.ts";

/** What to do next, with its reason. A cursor that differs from the stored one is written before any effect. */
export type Decision =
  /** Nothing to do until something changes. */
  | { readonly kind: "Rest"; readonly cursor: Cursor; readonly because: Because; readonly recheckInMs?: number }
  /** Stay, for a reason that someone or something ends. */
  | { readonly kind: "Hold"; readonly cursor: Cursor; readonly because: Because; readonly recheckInMs?: number }
  /** Go on to another place; decide again at once. */
  | {
      readonly kind: "Advance";
      readonly cursor: Cursor;
      readonly because: Because;
      readonly finished?: RolloutHistoryEntry;
    }
  /** The input is missing or wrong: nothing is changed, not even the cursor. */
  | { readonly kind: "Blocked"; readonly because: Because };

/** RFC 3339 of epoch milliseconds. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Moves the cursor to another stage: what belonged to the former one is forgotten. */
export function enter(cursor: Cursor, now: number, change: Partial<Cursor>): Cursor {
  const { inPlaceAt: _inPlace, unreadySince: _unready, measuredAt: _measured, ...kept } = cursor;
  return withSelection({ ...kept, enteredAt: iso(now) }, change);
}

/** Applies a change; another selection, split or audience means that nothing is known to be steady yet. */
export function withSelection(cursor: Cursor, change: Partial<Cursor>): Cursor {
  const next = { ...cursor, ...change };
  const { selection } = cursor;
  const same =
    selection.kind === next.selection.kind &&
    selection.revision === next.selection.revision &&
    cursor.audience === next.audience &&
    sameJson(cursor.split, next.split);
  if (same) return next;
  const { steadyAt: _steady, ...rest } = next;
  return rest;
}

/** Says what the routes are to give to revisions, and to which of them the audience goes; undefined: what Git says. */
export function withSplit(cursor: Cursor, split: Split | undefined, audience?: string): Cursor {
  const { split: _split, audience: _audience, steadyAt: _steady, ...kept } = cursor;
  if (sameJson(cursor.split, split) && cursor.audience === audience) return cursor;
  return { ...kept, ...(split === undefined ? {} : { split }), ...(audience === undefined ? {} : { audience }) };
}

/** Goes on, with the entry for the history when a rollout ended. */
export function advance(cursor: Cursor, why: Because, finished?: RolloutHistoryEntry): Decision {
  return { kind: "Advance", cursor, because: why, ...(finished === undefined ? {} : { finished }) };
}

/** Stays. `recheckInMs` is set where the passing of time alone ends the hold. */
export function hold(cursor: Cursor, why: Because, recheckInMs?: number): Decision {
  return { kind: "Hold", cursor, because: why, ...(recheckInMs === undefined ? {} : { recheckInMs }) };
}

/** Takes all traffic back to stable; the candidate goes afterwards. */
export function returning(
  cursor: Cursor,
  now: number,
  cause: "Rejected" | "Cancelled" | "Superseded",
  { reason, message }: Because,
): Decision {
  const change = { stage: "Returning", cause, reason, message, weight: 0 } as const;
  return advance(enter(cursor, now, change), because("Returning", message));
}

/** Sends all traffic to one revision, which then becomes stable. */
export function switching(
  cursor: Cursor,
  now: number,
  to: { readonly toward: string; readonly cause: "Promoted" | "RolledBack" | "Rescued"; readonly message: string },
): Decision {
  const reason = { Promoted: "Promoting", RolledBack: "RollingBack", Rescued: "Rescuing" } as const;
  const isStep = to.cause === "Promoted" && cursor.candidate !== undefined;
  const change: Partial<Cursor> = {
    ...to,
    ...(isStep ? {} : { attempt: (cursor.attempt ?? 0) + 1 }),
    stage: "Switching",
    weight: 100,
    selection: narrowed(cursor),
    ...(to.cause === "Promoted" ? { peak: 100 } : { startedAt: iso(now), peak: 100, peakShare: 0 }),
  };
  const { reason: _former, ...kept } = cursor;
  return advance(enter(kept, now, change), because(reason[to.cause], to.message));
}

/** The Deployment is brought back; the routes say what Git says from here on. */
export function restoring(cursor: Cursor, now: number): Cursor {
  return enter(withSplit(cursor, undefined), now, { stage: "Restoring", selection: narrowed(cursor) });
}

/** Stable alone, where Git's own selector would let any new pod in. */
function narrowed(cursor: Cursor): Cursor["selection"] {
  return cursor.selection.kind === "Git" ? { kind: "Revision", revision: cursor.stable } : cursor.selection;
}
