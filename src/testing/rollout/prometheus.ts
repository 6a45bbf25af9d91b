import type { Analysis } from "../../api/v1alpha1/analysis.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { compare } from "../../core/analysis/compare.ts";
import type { Counts } from "../../core/analysis/counts.ts";
import { type Judgement, judge, type Reading } from "../../core/analysis/judge.ts";
import { metricsAt } from "../../core/analysis/policy.ts";

/** What users send in simulated worlds. */
const REQUESTS_PER_SECOND = 200;

/** What Prometheus says of both tracks. */
export interface Readings {
  readonly candidate: Reading;
  readonly stable: Reading;
}

/** The measurements of one round in a simulated world. `now` is epoch milliseconds. */
export function measured(
  analysis: Analysis | undefined,
  cursor: Cursor,
  { candidate, stable }: Readings,
  now: number,
): readonly Judgement[] {
  const requests = (REQUESTS_PER_SECOND * (now - Date.parse(cursor.enteredAt))) / 1_000;
  const own = countsOf(candidate, (requests * cursor.weight) / 100);
  const other = countsOf(stable, (requests * (100 - cursor.weight)) / 100);
  return metricsAt(analysis, cursor.weight).map((metric) =>
    metric.statistical === undefined
      ? judge(metric, candidate, stable)
      : compare(metric, own, other, cursor.steps ?? 1),
  );
}

/** The requests behind a success rate. */
function countsOf(reading: Reading, requests: number): Counts {
  if (reading.kind !== "Value") return reading;
  const counts = [
    { labels: { count: "all" }, value: requests },
    { labels: { count: "good" }, value: (requests * reading.value) / 100 },
  ];
  return { kind: "Series", series: counts };
}
