import type { Analysis, Metric } from "../../api/v1alpha1/analysis.ts";
import type { Outcome } from "../../api/v1alpha1/cursor.ts";

/** What a measurement counts as; undefined: as nothing, it holds. Only what the user says makes a pass of an absence. */
export function countsAs(metric: Metric, outcome: Outcome): "Pass" | "Fail" | undefined {
  switch (outcome) {
    case "Pass":
    case "Fail":
      return outcome;
    case "NoData":
      return metric.noData.policy === "Hold" ? undefined : metric.noData.policy;
    case "ProviderError":
      return metric.providerError.policy === "Hold" ? undefined : metric.providerError.policy;
    case "Invalid":
      return undefined;
  }
}

/** How long a metric may go on without a value of one kind before the candidate is rejected; undefined: for ever. */
export function deadlineOf(
  metric: Metric,
  outcome: "NoData" | "ProviderError",
  analysis: Analysis,
): string | undefined {
  const { policy, deadline = analysis.deadline } = outcome === "NoData" ? metric.noData : metric.providerError;
  return policy === "Hold" ? deadline : undefined;
}

/** Tells whether a metric is held against stable: then it needs requests at both. */
export function compares({ relative, statistical }: Metric): boolean {
  return relative !== undefined || statistical !== undefined;
}

/** The metrics that are measured at a weight: without users' requests some tell nothing. */
export function metricsAt(analysis: Analysis | undefined, weight: number): readonly Metric[] {
  return (analysis?.metrics ?? []).filter((metric) =>
    compares(metric) ? weight > 0 && weight < 100 : weight > 0 || !metric.needsTraffic,
  );
}
