import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Seen } from "./seen.ts";

/** Whether requests have gone where they should for the settle time. `ms`: how long that still takes, where time alone ends it. */
export type Settle =
  | { readonly kind: "Settled"; readonly ms?: undefined }
  | { readonly kind: "Settling"; readonly ms: number }
  /** Endpoints have not followed yet; a watch event ends this. */
  | { readonly kind: "Moving"; readonly ms?: undefined };

/** How far the settle time of the current traffic is. */
export function settleLeft(seen: Seen, cursor: Cursor, now: number): Settle {
  if (cursor.steadyAt === undefined) return { kind: "Moving" };
  const ms = Date.parse(cursor.steadyAt) + seen.spec.settleSeconds * 1_000 - now;
  return ms <= 0 ? { kind: "Settled" } : { kind: "Settling", ms };
}

/**
 * Milliseconds of a stored time's span in which the operator was there. Deadlines count by it: what the operator's absence
 * has kept from happening is nobody's failure.
 */
export function watched(seen: Seen, time: string, now: number): number {
  return now - Math.max(Date.parse(time), seen.watchedSince);
}

/** Milliseconds since a stored time. */
export function since(time: string, now: number): number {
  return now - Date.parse(time);
}
