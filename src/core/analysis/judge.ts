import type { Limit, Metric } from "../../api/v1alpha1/analysis.ts";
import type { Outcome } from "../../api/v1alpha1/cursor.ts";

/** A value that was read, or why there is none; the shape of the metrics port's answer. */
export type Reading =
  | { readonly kind: "Value"; readonly value: number }
  | { readonly kind: "NoData" | "Invalid" | "ProviderError"; readonly message: string };

/** What one measurement means. */
export interface Judgement {
  readonly name: string;
  readonly outcome: Outcome;
  readonly value?: number;
  /** One sentence with the value and the limit. */
  readonly message: string;
}

/** The limit a metric is held against. */
function limitOf(metric: Metric): Limit {
  return metric.successRate ?? metric.limit ?? {};
}

/** Holds a reading against its metric's limit. Only a value inside a limit is ever a pass. */
export function judge(metric: Metric, reading: Reading): Judgement {
  const { name } = metric;
  if (reading.kind !== "Value") {
    const few = reading.kind === "NoData" && metric.minRequests !== undefined;
    const why = few
      ? `${reading.message}, or fewer than ${metric.minRequests} requests in ${metric.window}`
      : reading.message;
    return { name, outcome: reading.kind, message: `${name}: ${why}` };
  }
  const { value } = reading;
  const { min, max } = limitOf(metric);
  if (min === undefined && max === undefined) {
    return { name, outcome: "Invalid", message: `${name}: no limit is set; give limit.min, limit.max or both` };
  }
  const shown = Number(value.toPrecision(6));
  if (min !== undefined && !(value >= min))
    return { name, outcome: "Fail", value, message: `${name} is ${shown}, below ${min}` };
  if (max !== undefined && !(value <= max))
    return { name, outcome: "Fail", value, message: `${name} is ${shown}, above ${max}` };
  return { name, outcome: "Pass", value, message: `${name} is ${shown}` };
}
