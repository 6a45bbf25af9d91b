import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { sizesFor } from "../sizes.ts";
import type { Step } from "./strategy.ts";

/** The user's list of weights: stable keeps its full size until the candidate is promoted. */
export function canarySteps(canary: NonNullable<RolloutSpec["strategy"]["canary"]>, replicas: number): readonly Step[] {
  return canary.steps.map(({ weight, hold }) => ({
    weight,
    holdMs: durationMs(hold),
    sizes: sizesFor(replicas, weight),
  }));
}
