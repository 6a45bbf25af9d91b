import type { Metric } from "../../api/v1alpha1/analysis.ts";
import type { Outcome } from "../../api/v1alpha1/cursor.ts";
import type { Limit, Relative } from "../../api/v1alpha1/limits.ts";
import { countsAs } from "./policy.ts";

/** A value that was read, or why there is none; the shape of the metrics port's answer. */
export type Reading = { readonly kind: "Value"; readonly value: number } | Missing;

/** Why there is no value. */
export interface Missing {
  readonly kind: "NoData" | "Invalid" | "ProviderError";
  readonly message: string;
}

/** What one measurement means. */
export interface Judgement {
  readonly name: string;
  readonly outcome: Outcome;
  /** What it counts as, by the policies of its metric; absent, it holds. */
  readonly counts?: "Pass" | "Fail";
  readonly value?: number;
  /** One sentence with the value and the limit. */
  readonly message: string;
}

/** How a value stands to a limit. */
interface Finding {
  readonly outcome: Outcome;
  readonly text: string;
}

/** Holds a reading against its metric's limit; `stable` is read the same way where the limit is relative. */
export function judge(metric: Metric, candidate: Reading, stable?: Reading): Judgement {
  if (candidate.kind !== "Value") return missing(metric, candidate, "");
  if (metric.relative === undefined) return found(metric, candidate.value, absolute(limitOf(metric), candidate.value));
  if (stable === undefined) return missing(metric, { kind: "NoData", message: "not measured" }, "stable: ");
  if (stable.kind !== "Value") return missing(metric, stable, "stable: ");
  return found(metric, candidate.value, relative(metric.relative, candidate.value, stable.value));
}

/** A sentence about a metric, with what it counts as. */
export function judgement(metric: Metric, outcome: Outcome, text: string, value?: number): Judgement {
  const counts = countsAs(metric, outcome);
  return {
    name: metric.name,
    outcome,
    ...(counts === undefined ? {} : { counts }),
    ...(value === undefined ? {} : { value }),
    message: `${metric.name}${text}`,
  };
}

function found(metric: Metric, value: number, { outcome, text }: Finding): Judgement {
  return judgement(metric, outcome, ` ${text}`, value);
}

function missing(metric: Metric, reading: Missing, of: string): Judgement {
  const few = reading.kind === "NoData" && metric.minRequests !== undefined;
  const why = few ? `, or fewer than ${metric.minRequests} requests in ${metric.window}` : "";
  return judgement(metric, reading.kind, `: ${of}${reading.message}${why}`);
}

/** The absolute limit of a metric. */
function limitOf(metric: Metric): Limit {
  return metric.successRate ?? metric.limit ?? {};
}

function absolute({ min, max }: Limit, value: number): Finding {
  if (min === undefined && max === undefined)
    return { outcome: "Invalid", text: "has no limit; give limit.min, limit.max or both" };
  const text = `is ${shown(value)}`;
  if (min !== undefined && !(value >= min)) return { outcome: "Fail", text: `${text}, below ${min}` };
  if (max !== undefined && !(value <= max)) return { outcome: "Fail", text: `${text}, above ${max}` };
  return { outcome: "Pass", text };
}

/** Every bound that is given must hold. A ratio to nothing tells nothing: there the differences decide, or nobody. */
function relative(limit: Relative, value: number, stable: number): Finding {
  const { minRatio, maxRatio, minDifference, maxDifference } = limit;
  const both = `is ${shown(value)}, stable's ${shown(stable)}`;
  if (!Number.isFinite(stable)) return { outcome: "NoData", text: `${both}, which nothing can be held against` };
  const difference = value - stable;
  if (minDifference !== undefined && !(difference >= minDifference))
    return { outcome: "Fail", text: `${both}: a difference of ${shown(difference)}, below ${minDifference}` };
  if (maxDifference !== undefined && !(difference <= maxDifference))
    return { outcome: "Fail", text: `${both}: a difference of ${shown(difference)}, above ${maxDifference}` };
  if (minRatio === undefined && maxRatio === undefined) return { outcome: "Pass", text: both };
  if (stable <= 0) {
    const decided = value === stable || minDifference !== undefined || maxDifference !== undefined;
    if (decided) return { outcome: "Pass", text: both };
    return { outcome: "NoData", text: `${both}: no ratio tells anything about that; add a difference to the limit` };
  }
  const ratio = value / stable;
  if (minRatio !== undefined && !(ratio >= minRatio))
    return { outcome: "Fail", text: `${both}: ${shown(ratio)} times as much, below ${minRatio}` };
  if (maxRatio !== undefined && !(ratio <= maxRatio))
    return { outcome: "Fail", text: `${both}: ${shown(ratio)} times as much, above ${maxRatio}` };
  return { outcome: "Pass", text: both };
}

/** Six digits: a message is for people. */
function shown(value: number): string {
  return String(Number(value.toPrecision(6)));
}
