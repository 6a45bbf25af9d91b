import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor, Verdict } from "../../api/v1alpha1/cursor.ts";
import type { RolloutSpec } from "../../api/v1alpha1/progressiverollout.ts";
import type { Judgement } from "./judge.ts";

/**
 * Folds measurements of the candidate into the cursor. A verdict counts for the revision that was measured and for no
 * other; failures add up over the whole attempt, passes over the step. `now` is epoch milliseconds.
 */
export function record(cursor: Cursor, judgements: readonly Judgement[], now: number): Cursor {
  const revision = cursor.candidate;
  if (revision === undefined) return cursor;
  const at = new Date(now).toISOString();
  const verdicts = judgements.map((judgement): Verdict => {
    const before = cursor.verdicts.find((verdict) => verdict.name === judgement.name && verdict.revision === revision);
    return {
      name: judgement.name,
      revision,
      outcome: judgement.outcome,
      ...(judgement.value === undefined ? {} : { value: String(Number(judgement.value.toPrecision(6))) }),
      message: judgement.message.slice(0, 1024),
      at,
      since: before !== undefined && spell(before.outcome) === spell(judgement.outcome) ? before.since : at,
      passes: (before?.passes ?? 0) + (judgement.outcome === "Pass" ? 1 : 0),
      failures: (before?.failures ?? 0) + (judgement.outcome === "Fail" ? 1 : 0),
    };
  });
  return { ...cursor, verdicts, measuredAt: at };
}

/** No data and no Prometheus are one spell of blindness: turns between them must not start its deadline anew. */
function spell(outcome: Verdict["outcome"]): string {
  return outcome === "NoData" || outcome === "ProviderError" ? "Blind" : outcome;
}

/** A new step starts without passes; failures stay. */
export function forNextStep(verdicts: readonly Verdict[]): Verdict[] {
  return verdicts.map((verdict) => ({ ...verdict, passes: 0 }));
}

/** The metrics that are measured at a weight: without users' requests some tell nothing. */
export function metricsAt(analysis: RolloutSpec["analysis"], weight: number): readonly Metric[] {
  return (analysis?.metrics ?? []).filter(({ needsTraffic }) => weight > 0 || !needsTraffic);
}

/** Tells when the next measurement is due, in milliseconds from now; undefined while nothing is to be measured. */
export function measureIn(cursor: Cursor, analysis: RolloutSpec["analysis"], now: number): number | undefined {
  if (analysis === undefined || metricsAt(analysis, cursor.weight).length === 0) return undefined;
  if (cursor.stage !== "Stepping" || cursor.inPlaceAt === undefined || cursor.candidate === undefined) return undefined;
  const last = Math.max(
    Date.parse(cursor.inPlaceAt),
    cursor.measuredAt === undefined ? 0 : Date.parse(cursor.measuredAt),
  );
  return Math.max(0, last + durationMs(analysis.interval) - now);
}
