import type { Metric } from "../../api/v1alpha1/analysis.ts";
import type { Outcome } from "../../api/v1alpha1/cursor.ts";
import { compare } from "../../core/analysis/compare.ts";
import { metricOf } from "../metric.ts";
import { kayenta } from "./kayenta.ts";
import { type Size, seenOf } from "./seen.ts";
import type { Case } from "./traffic.ts";

const METRICS: Readonly<Record<Case["counts"], Metric>> = {
  latency: metricOf({ latency: {}, statistical: {} }),
  errors: metricOf({ successRate: {}, statistical: {} }),
};

/** What Fairlead says with its defaults, looking after each interval: the refusal, with the interval that brought it, or the last word. */
export function byFairlead(one: Case, size: Size, seed: number): { readonly outcome: Outcome; readonly at: number } {
  let last: { readonly outcome: Outcome; readonly at: number } = { outcome: "NoData", at: 0 };
  for (const { candidate, stable } of seenOf(one, size, seed)) {
    const { outcome } = compare(METRICS[one.counts], candidate.counts, stable.counts, 1);
    last = { outcome, at: last.at + 1 };
    if (outcome === "Fail") break;
  }
  return last;
}

/** Whether Kayenta refuses: by one look at the end, and by any of the looks after each interval, from the fifth on. */
export function byKayenta(one: Case, size: Size, seed: number): { readonly once: boolean; readonly each: boolean } {
  const candidate: number[] = [];
  const stable: number[] = [];
  const looks: boolean[] = [];
  for (const seen of seenOf(one, size, seed)) {
    candidate.push(seen.candidate.sample());
    stable.push(seen.stable.sample());
    if (candidate.length >= 5) looks.push(kayenta(stable, candidate) === "High");
  }
  return { once: looks.at(-1) ?? false, each: looks.includes(true) };
}
