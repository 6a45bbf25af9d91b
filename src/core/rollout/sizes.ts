/** How many pods of each track exist and serve. */
export interface Sizes {
  /** Pods of the candidate; all of them serve, but for weight 0. */
  readonly candidate: number;
  /** Pods of stable that exist. */
  readonly stable: number;
  /** Pods of stable that serve; the others stand by, so that a way back needs no start. */
  readonly stableServing: number;
}

/**
 * Pods for a weight by pod share, with stable kept at full size: going back never waits for a start.
 * Up to 50 % the candidate grows beside a full stable: c / (replicas + c) = weight. Above, the candidate is at full size
 * and pods of stable stop serving: replicas / (replicas + s) = weight. So at least `replicas` pods serve at any weight.
 * Example: 4 replicas, weight 20: 1 + 4; weight 50: 4 + 4; weight 80: 4 + 1.
 */
export function sizesFor(replicas: number, weight: number): Sizes {
  if (replicas === 0) return { candidate: 0, stable: 0, stableServing: 0 };
  if (weight === 0) return { candidate: 1, stable: replicas, stableServing: replicas };
  if (weight === 100) return { candidate: replicas, stable: replicas, stableServing: 0 };
  if (weight <= 50) {
    const candidate = clamp(Math.round((replicas * weight) / (100 - weight)), 1, replicas);
    return { candidate, stable: replicas, stableServing: replicas };
  }
  const stableServing = clamp(Math.round((replicas * (100 - weight)) / weight), 1, replicas);
  return { candidate: replicas, stable: replicas, stableServing };
}

/** Pods for a weight by routes: the weight is exact, so the candidate has just the pods to carry it. */
export function sizesForRoutes(replicas: number, weight: number): Sizes {
  return besideStable(replicas, clamp(Math.ceil((replicas * weight) / 100), Math.min(1, replicas), replicas));
}

/**
 * Pods for a weight with stable lowered by as many pods as the candidate has; by routes, each track has the pods to carry its
 * weight. One pod cannot be shared out: beside it stable keeps its own.
 */
export function sizesForShare(replicas: number, weight: number, routed: boolean): Sizes {
  const full = routed ? sizesForRoutes(replicas, weight) : sizesFor(replicas, weight);
  if (weight === 0 || replicas <= 1) return full;
  if (weight === 100) return { candidate: replicas, stable: replicas, stableServing: 0 };
  const candidate = routed ? full.candidate : clamp(Math.round((replicas * weight) / 100), 1, replicas - 1);
  const stable = routed ? Math.ceil((replicas * (100 - weight)) / 100) : replicas - candidate;
  return { candidate, stable, stableServing: stable };
}

/** A candidate beside a stable track at full size, which can take everything back at any moment. */
export function besideStable(replicas: number, candidate: number): Sizes {
  return { candidate, stable: replicas, stableServing: replicas };
}

/**
 * Pods for `replaced` of `replicas` pods moved to the candidate, with stable lowered by as many.
 * The last batch leaves stable at what the batch before left: those pods stand by until the promotion.
 */
export function sizesForBatch(replicas: number, replaced: number, batch: number): Sizes {
  const candidate = clamp(replaced, 0, replicas);
  const stableServing = replicas - candidate;
  const stable = stableServing > 0 ? stableServing : Math.min(batch, replicas);
  return { candidate, stable, stableServing };
}

/** The candidate's share of the serving pods, in percent to a tenth. */
export function shareOf(candidate: number, stable: number): number {
  return candidate + stable === 0 ? 0 : Math.round((1_000 * candidate) / (candidate + stable)) / 10;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
