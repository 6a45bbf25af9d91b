import type { Metric } from "../../../api/v1alpha1/analysis.ts";
import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { Cursor, Verdict } from "../../../api/v1alpha1/cursor.ts";
import { compares, countsAs, deadlineOf, metricsAt } from "../../analysis/policy.ts";
import { measureIn } from "../../analysis/record.ts";
import { type Because, because } from "../because.ts";
import { hold, returning } from "../decision.ts";
import type { Ready } from "../plan.ts";
import { watched } from "../timing.ts";
import type { Guard } from "./walk.ts";

/** A metric has failed as often as one revision may. */
export const failing: Guard = ({ seen, cursor, now }) => {
  for (const { metric, verdict } of verdictsOf(seen, cursor)) {
    if (verdict === undefined || verdict.failures < metric.failures) continue;
    const reason = verdict.outcome === "NoData" || verdict.outcome === "ProviderError" ? verdict.outcome : "Failing";
    const why = because(reason, `${verdict.message} (${verdict.failures} failed measurements)`);
    return returning(cursor, now, "Rejected", why);
  }
  return undefined;
};

/** Nothing has been seen of a metric for longer than it may be. */
export const dark: Guard = ({ seen, cursor, step, now }) => {
  const { analysis } = seen.spec;
  // A person may sleep on an approval, and so may the candidate's users.
  if (analysis === undefined || step.needsApproval) return undefined;
  for (const { metric, verdict } of verdictsOf(seen, cursor)) {
    if (verdict?.outcome !== "NoData" && verdict?.outcome !== "ProviderError") continue;
    const deadline = deadlineOf(metric, verdict.outcome, analysis);
    if (deadline === undefined) continue;
    if (watched(seen, later(verdict.since, cursor.inPlaceAt), now) < durationMs(deadline)) continue;
    return returning(cursor, now, "Rejected", because(verdict.outcome, `${verdict.message}, for ${deadline}`));
  }
  return undefined;
};

/** The step lacks a passing measurement of some metric, each for its own reason. */
export const unclear: Guard = ({ seen, cursor, step, now }) => {
  const { analysis } = seen.spec;
  // Before the first weight there are no requests to judge by: that step is the person's alone.
  if (analysis === undefined || (step.needsApproval && step.weight === 0)) return undefined;
  for (const { metric, verdict } of verdictsOf(seen, cursor)) {
    const why = lacking(metric, verdict, analysis);
    if (why !== undefined) return hold(cursor, why, measureIn(cursor, analysis, now));
  }
  return undefined;
};

/**
 * All requests are about to be the candidate's, and a metric that is held against stable was never measured: no step had
 * requests for both.
 */
export const uncompared: Guard = ({ seen, cursor, steps, index }) => {
  if ((steps[index + 1]?.weight ?? 100) < 100) return undefined;
  const unseen = seen.spec.analysis?.metrics.find((metric) => compares(metric) && !verdictOf(metric, cursor));
  if (unseen === undefined) return undefined;
  const message = `${unseen.name} is held against stable, and no step so far had requests for both`;
  return hold(
    cursor,
    because(
      "InvalidQuery",
      message,
      "commit a step with a weight between 0 and 100, or an absolute limit in its place",
    ),
  );
};

/** Why a metric does not let the step pass. */
function lacking(
  metric: Metric,
  verdict: Verdict | undefined,
  analysis: NonNullable<Ready["spec"]["analysis"]>,
): Because | undefined {
  const exit = "goes on with a passing measurement";
  if (verdict === undefined || (countsAs(metric, verdict.outcome) === "Pass" && verdict.passes === 0))
    return because("AwaitingVerdict", `${metric.name} is not measured in this step yet`, exit);
  const { outcome, message } = verdict;
  const budget = `rejected at ${metric.failures} failed measurements`;
  switch (outcome) {
    case "Pass":
      return undefined;
    case "Fail":
      return because("Failing", message, budget);
    case "Invalid":
      return because("InvalidQuery", message, `correct the metric ${metric.name} in Git`);
    case "NoData":
    case "ProviderError": {
      const counts = countsAs(metric, outcome);
      if (counts === "Pass") return undefined;
      if (counts === "Fail") return because(outcome, message, budget);
      const deadline = deadlineOf(metric, outcome, analysis);
      const end = deadline === undefined ? ", or revert the commit" : `; rejected after ${deadline}`;
      return because(outcome, message, `${exit}${end}`);
    }
  }
}

function verdictsOf(seen: Ready, cursor: Cursor) {
  return metricsAt(seen.spec.analysis, cursor.weight).map((metric) => ({ metric, verdict: verdictOf(metric, cursor) }));
}

function verdictOf({ name }: Metric, { verdicts, candidate }: Cursor): Verdict | undefined {
  return verdicts.find((verdict) => verdict.name === name && verdict.revision === candidate);
}

function later(a: string, b: string | undefined): string {
  return b !== undefined && Date.parse(b) > Date.parse(a) ? b : a;
}
