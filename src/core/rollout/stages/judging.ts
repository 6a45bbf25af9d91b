import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { Cursor, Verdict } from "../../../api/v1alpha1/cursor.ts";
import { measureIn, metricsAt } from "../../analysis/record.ts";
import { because } from "../because.ts";
import { hold, returning } from "../decision.ts";
import type { Ready } from "../plan.ts";
import { watched } from "../timing.ts";
import type { Guard } from "./walk.ts";

/** A metric has failed as often as one revision may. */
export const failing: Guard = ({ seen, cursor, now }) => {
  const over = verdictsOf(seen, cursor).find(({ metric, verdict }) => (verdict?.failures ?? 0) >= metric.failures);
  return over?.verdict === undefined
    ? undefined
    : returning(
        cursor,
        now,
        "Rejected",
        because("Failing", `${over.verdict.message} (${over.verdict.failures} failed measurements)`),
      );
};

/** Nothing has been seen of a metric for longer than the analysis allows. */
export const dark: Guard = ({ seen, cursor, step, now }) => {
  const { analysis } = seen.spec;
  // A person may sleep on an approval, and so may the candidate's users.
  if (analysis === undefined || step.needsApproval) return undefined;
  for (const { verdict } of verdictsOf(seen, cursor)) {
    if (verdict?.outcome !== "NoData" && verdict?.outcome !== "ProviderError") continue;
    if (watched(seen, later(verdict.since, cursor.inPlaceAt), now) < durationMs(analysis.deadline)) continue;
    const why = because(verdict.outcome, `${verdict.message}, for ${analysis.deadline}`);
    return returning(cursor, now, "Rejected", why);
  }
  return undefined;
};

/** The step lacks a passing measurement of some metric, each for its own reason. */
export const unclear: Guard = ({ seen, cursor, step, now }) => {
  const { analysis } = seen.spec;
  // Before the first weight there are no requests to judge by: that step is the person's alone.
  if (analysis === undefined || (step.needsApproval && step.weight === 0)) return undefined;
  const next = measureIn(cursor, analysis, now);
  for (const { metric, verdict } of verdictsOf(seen, cursor)) {
    const exit = "goes on with a passing measurement";
    switch (verdict?.outcome) {
      case "Invalid":
        return hold(cursor, because("InvalidQuery", verdict.message, `correct the metric ${metric.name} in Git`), next);
      case "NoData":
      case "ProviderError":
        return hold(
          cursor,
          because(verdict.outcome, verdict.message, `${exit}; rejected after ${analysis.deadline}`),
          next,
        );
      case "Fail":
        return hold(
          cursor,
          because("Failing", verdict.message, `rejected at ${metric.failures} failed measurements`),
          next,
        );
      case "Pass":
        if (verdict.passes > 0) continue;
        break;
      case undefined:
        break;
    }
    return hold(cursor, because("AwaitingVerdict", `${metric.name} is not measured in this step yet`, exit), next);
  }
  return undefined;
};

function verdictsOf(seen: Ready, cursor: Cursor) {
  return metricsAt(seen.spec.analysis, cursor.weight).map((metric) => ({
    metric,
    verdict: cursor.verdicts.find((v): v is Verdict => v.name === metric.name && v.revision === cursor.candidate),
  }));
}

function later(a: string, b: string | undefined): string {
  return b !== undefined && Date.parse(b) > Date.parse(a) ? b : a;
}
