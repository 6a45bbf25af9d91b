import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { podsOf } from "../quantity.ts";
import { type Sizes, shareOf, sizesForShare } from "../sizes.ts";
import type { Step } from "./strategy.ts";

/** Kubernetes' own default for a rolling update. */
const MAX_SURGE = "25%";

/**
 * The user's list with stable lowered as the candidate grows: both together have the replicas, and `maxSurge` more on the way
 * from one step to the next. A step that needs more pods than that is taken in parts, each judged before the next; so is the
 * way to full size after the last step, where a promotion would otherwise need all the missing pods at once.
 * Example: 10 replicas, maxSurge 3, weights 10 and 50: 1 + 9, then 4 + 6, 5 + 5, and 8 + 2, 10 + 0.
 */
export function sharedSteps(
  canary: NonNullable<RolloutSpec["strategy"]["canary"]>,
  replicas: number,
  routed: boolean,
): readonly Step[] {
  const surge = podsOf(canary.maxSurge ?? MAX_SURGE, replicas);
  const steps: Step[] = [];
  let weight = 0;
  for (const wanted of [...canary.steps, ...(canary.steps.at(-1)?.weight === 100 ? [] : [{ weight: 100 }])]) {
    weight = wanted.weight ?? weight;
    const sizes = sizesForShare(replicas, weight, routed);
    let left = steps.at(-1)?.sizes.stable ?? replicas;
    while (sizes.candidate + left > replicas + surge) {
      left -= surge;
      const next = part(replicas, replicas - left, routed);
      // By routes, a pod for less than a pod's part can be all that a step has too much: no weight lies between.
      if (next.weight > (steps.at(-1)?.weight ?? 0)) steps.push(next);
    }
    const { hold = "0s" } = "hold" in wanted ? wanted : {};
    const needsApproval = wanted.weight === undefined;
    steps.push({ weight, holdMs: durationMs(hold), sizes: standingBy(sizes, steps.at(-1)), needsApproval });
  }
  return steps;
}

/** On the way to a step: as much weight as its pods can carry, which is less than the step's. */
function part(replicas: number, candidate: number, routed: boolean): Step {
  const stable = replicas - candidate;
  const weight = routed ? Math.floor((1_000 * candidate) / replicas) / 10 : shareOf(candidate, stable);
  return { weight, holdMs: 0, sizes: { candidate, stable, stableServing: stable }, needsApproval: false };
}

/** With all requests at the candidate, the last pods of stable stand by until the promotion: a way back begins with them. */
function standingBy(sizes: Sizes, before: Step | undefined): Sizes {
  return sizes.stableServing > 0 ? sizes : { ...sizes, stable: before?.sizes.stable ?? sizes.stable };
}
