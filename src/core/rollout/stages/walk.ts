import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import type { Decision } from "../decision.ts";
import type { Ready } from "../plan.ts";
import type { Step } from "../strategies/strategy.ts";

/** A step under way. */
export interface Walk {
  readonly seen: Ready;
  readonly cursor: Cursor;
  readonly candidate: string;
  readonly index: number;
  readonly step: Step;
  readonly steps: readonly Step[];
  readonly now: number;
}

/** A question about a step; the first one with an answer decides. */
export type Guard = (walk: Walk) => Decision | undefined;
