import type { Cursor } from "../../../api/v1alpha1/cursor.ts";

/** Shares of requests that the cursor gives to revisions, in percent; they add up to 100. */
export type Split = NonNullable<Cursor["split"]>;

/** A part of the requests in percent, and the ticket by which whoever was in it once is in it again. */
export interface Part {
  readonly revision: string;
  readonly weight: number;
  readonly ticket?: string;
}

/** The share, in percent, that parts give to a revision. */
export function weightIn(parts: readonly Part[] | undefined, revision: string): number {
  const own = (parts ?? []).filter((part) => part.revision === revision);
  return tenths(own.reduce((sum, { weight }) => sum + weight, 0));
}

/** To a tenth: sums of fractions are a little off. */
export function tenths(percent: number): number {
  return Math.round(percent * 10) / 10;
}
