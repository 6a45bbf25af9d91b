import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import type { Sizes } from "../sizes.ts";
import type { Step } from "./strategy.ts";

/**
 * Both tracks at full size all along. The candidate is looked at without users' requests, may wait for an approval, then
 * takes all traffic at once and is watched: until the promotion, the way back is one switch to pods that never left.
 */
export function blueGreenSteps(
  { hold, approval, watch }: NonNullable<RolloutSpec["strategy"]["blueGreen"]>,
  replicas: number,
): readonly Step[] {
  const sizes: Sizes = { candidate: replicas, stable: replicas, stableServing: replicas };
  const dark: Step = { weight: 0, holdMs: durationMs(hold), sizes, needsApproval: false };
  const live: Step = { ...dark, weight: 100, holdMs: durationMs(watch), sizes: { ...sizes, stableServing: 0 } };
  return approval === undefined ? [dark, live] : [dark, { ...dark, holdMs: 0, needsApproval: true }, live];
}
