import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import type { Sizes } from "../sizes.ts";
import { blueGreenSteps } from "./blueGreen.ts";
import { canarySteps } from "./canary.ts";
import { rollingSteps } from "./rolling.ts";

/** One step of a strategy, with absolute sizes. */
export interface Step {
  /** The candidate's share of requests that the step asks for, in percent. */
  readonly weight: number;
  /** How long it stays in place at least, in milliseconds. */
  readonly holdMs: number;
  readonly sizes: Sizes;
  /** A commit must name the candidate before the step is passed. */
  readonly needsApproval: boolean;
}

/** The steps of the user's strategy for this many replicas; at least one. */
export function stepsOf(strategy: RolloutSpec["strategy"], replicas: number): readonly Step[] {
  if (strategy.blueGreen !== undefined) return blueGreenSteps(strategy.blueGreen, replicas);
  if (strategy.canary !== undefined) return canarySteps(strategy.canary, replicas);
  return rollingSteps(strategy.rolling ?? { batch: 1, hold: "0s" }, replicas);
}
