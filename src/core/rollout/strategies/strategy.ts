import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { besideStable, type Sizes, sizesFor, sizesForRoutes } from "../sizes.ts";
import { blueGreenSteps } from "./blueGreen.ts";
import { canarySteps } from "./canary.ts";
import { rollingSteps } from "./rolling.ts";
import { sharedSteps } from "./shared.ts";

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
export function stepsOf(
  { strategy, routeRefs }: Pick<RolloutSpec, "strategy" | "routeRefs">,
  replicas: number,
): readonly Step[] {
  const routed = routeRefs.length > 0;
  if (strategy.blueGreen !== undefined) return blueGreenSteps(strategy.blueGreen, replicas);
  if (strategy.canary?.stableCapacity === "Shared") return sharedSteps(strategy.canary, replicas, routed);
  if (strategy.canary !== undefined) return canarySteps(strategy.canary, replicas, routed ? sizesForRoutes : sizesFor);
  const rolling = rollingSteps(strategy.rolling ?? { batch: 1, hold: "0s" }, replicas);
  return routed ? rolling.map((step) => onRoutes(step, replicas)) : rolling;
}

/** A batch by routes: no more weight than its pods can carry, and stable beside it. */
function onRoutes(step: Step, replicas: number): Step {
  const { candidate } = step.sizes;
  const weight = step.weight === 100 ? 100 : Math.floor((100 * candidate) / Math.max(1, replicas));
  return { ...step, weight, sizes: besideStable(replicas, candidate) };
}
