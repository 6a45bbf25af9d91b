import type { Analysis } from "../../api/v1alpha1/analysis.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor, Verdict } from "../../api/v1alpha1/cursor.ts";
import type { Judgement } from "./judge.ts";
import { deadlineOf, metricsAt } from "./policy.ts";

/**
 * Folds measurements of the candidate into the cursor. A verdict counts for the revision that was measured and for no
 * other; failures add up over the whole attempt, passes over the step. What is not measured now keeps its last verdict.
 * `now` is epoch milliseconds.
 */
export function record(cursor: Cursor, judgements: readonly Judgement[], analysis: Analysis, now: number): Cursor {
  const revision = cursor.candidate;
  if (revision === undefined) return cursor;
  const at = new Date(now).toISOString();
  const former = cursor.verdicts.filter((verdict) => verdict.revision === revision);
  const kept = former.filter(
    ({ name }) =>
      analysis.metrics.some((metric) => metric.name === name) &&
      judgements.every((judgement) => judgement.name !== name),
  );
  const measured = judgements.map((judgement): Verdict => {
    const before = former.find(({ name }) => name === judgement.name);
    const spells = [before?.outcome, judgement.outcome].map((outcome) => spell(outcome, judgement.name, analysis));
    return {
      name: judgement.name,
      revision,
      outcome: judgement.outcome,
      ...(judgement.value === undefined ? {} : { value: String(Number(judgement.value.toPrecision(6))) }),
      message: judgement.message.slice(0, 1024),
      at,
      since: before !== undefined && spells[0] === spells[1] ? before.since : at,
      passes: (before?.passes ?? 0) + (judgement.counts === "Pass" ? 1 : 0),
      failures: (before?.failures ?? 0) + (judgement.counts === "Fail" ? 1 : 0),
    };
  });
  return { ...cursor, verdicts: [...measured, ...kept], measuredAt: at };
}

/**
 * No data and no Prometheus are one spell of blindness where they have the same deadline: turns between them must not start
 * it anew. Where they have not, the time without Prometheus must not use up what the other has.
 */
function spell(outcome: Verdict["outcome"] | undefined, name: string, analysis: Analysis): string | undefined {
  if (outcome !== "NoData" && outcome !== "ProviderError") return outcome;
  const metric = analysis.metrics.find((each) => each.name === name);
  const same =
    metric !== undefined && deadlineOf(metric, "NoData", analysis) === deadlineOf(metric, "ProviderError", analysis);
  return same ? "Blind" : outcome;
}

/** A new step starts without passes; failures stay. */
export function forNextStep(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.map((verdict) => ({ ...verdict, passes: 0 }));
}

/** Tells when the next measurement is due, in milliseconds from now; undefined while nothing is to be measured. */
export function measureIn(cursor: Cursor, analysis: Analysis | undefined, now: number): number | undefined {
  if (analysis === undefined || metricsAt(analysis, cursor.weight).length === 0) return undefined;
  if (cursor.stage !== "Stepping" || cursor.inPlaceAt === undefined || cursor.candidate === undefined) return undefined;
  const last = Math.max(
    Date.parse(cursor.inPlaceAt),
    cursor.measuredAt === undefined ? 0 : Date.parse(cursor.measuredAt),
  );
  return Math.max(0, last + durationMs(analysis.interval) - now);
}
