import type { Reason } from "../../api/v1alpha1/reasons.ts";

/** Why a decision was taken, for a person: a reason of the table, a sentence, and for a hold the way out. */
export interface Because {
  readonly reason: Reason;
  readonly message: string;
  /** The Git action, or the event, that ends a hold. Absent where nothing is waited for. */
  readonly exit?: string;
}

/** Builds a reason with its sentence and way out. */
export function because(reason: Reason, message: string, exit?: string): Because {
  return { reason, message, ...(exit === undefined ? {} : { exit }) };
}

/** The sentence and its way out as one text. */
export function textOf(why: Because): string {
  return why.exit === undefined ? why.message : `${why.message}; ${why.exit}`;
}
