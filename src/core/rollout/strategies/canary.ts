import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import type { Sizes } from "../sizes.ts";
import type { Step } from "./strategy.ts";

/**
 * The user's list: stable keeps its full size until the candidate is promoted.
 * An approval is a step of its own at the weight before it; as the first step, the candidate runs without requests.
 */
export function canarySteps(
  canary: NonNullable<RolloutSpec["strategy"]["canary"]>,
  replicas: number,
  sizes: (replicas: number, weight: number) => Sizes,
): readonly Step[] {
  let reached = 0;
  return canary.steps.map(({ weight, hold }) => {
    reached = weight ?? reached;
    return {
      weight: reached,
      holdMs: durationMs(hold ?? "0s"),
      sizes: sizes(replicas, reached),
      needsApproval: weight === undefined,
    };
  });
}
