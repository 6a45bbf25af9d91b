import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { type Counts, type Pair, type Pairs, pairsOf } from "./counts.ts";
import { logEvidence, logMean, type Tally } from "./evidence.ts";
import { type Judgement, judgement } from "./judge.ts";

/** Percentage points that are irrelevant. */
const TOLERANCE = { successRate: 0.1, latency: 0.25 } as const;
const LEAST_REQUESTS = 100;

/**
 * Compares the requests of both revisions since the step began. `steps` is how many steps the rollout has: each is a test of
 * its own, since requests of different shares are not alike, and all of them share the false alarms that the user allows.
 * Within a step it does not matter how often this is asked.
 */
export function compare(metric: Metric, candidate: Counts, stable: Counts, steps: number): Judgement {
  const { latency, statistical = { falseAlarms: 1 } } = metric;
  if (candidate.kind !== "Series") return judgement(metric, candidate.kind, `: ${candidate.message}`);
  if (stable.kind !== "Series") return judgement(metric, stable.kind, `: stable: ${stable.message}`);
  const pairs = pairsOf(metric, candidate.series, stable.series);
  if ("kind" in pairs) return judgement(metric, pairs.kind, `: ${pairs.message}`);

  const { tolerance = latency === undefined ? TOLERANCE.successRate : TOLERANCE.latency, falseAlarms } = statistical;
  const logs = pairs.map((pair) => logEvidence(pair.candidate, pair.stable, tolerance / 100));
  const evidence = logMean(logs);
  if (evidence >= Math.log((100 * Math.max(1, steps)) / falseAlarms)) {
    const odds = evidence > Math.log(1e6) ? "a million" : Math.floor(Math.exp(evidence));
    const chance = `one that is at most ${tolerance} points worse shows this once in ${odds} rollouts`;
    return told(metric, "Fail", most(pairs, logs), chance);
  }
  const widest = most(pairs, pairs.map(pointsOf));
  const least = metric.minRequests ?? LEAST_REQUESTS;
  if (Math.min(widest.candidate.requests, widest.stable.requests) < least) {
    const text = `${widest.candidate.requests} requests of the candidate and ${widest.stable.requests} of stable in this step`;
    return judgement(metric, "NoData", `: ${text}, fewer than ${least}`);
  }
  return told(metric, "Pass", widest, `nothing speaks for more than ${tolerance} points worse`);
}

/** The pair with the highest number. */
function most(pairs: Pairs, numbers: readonly number[]): Pair {
  return pairs[numbers.indexOf(Math.max(...numbers))] ?? pairs[0];
}

function told(metric: Metric, outcome: "Pass" | "Fail", pair: Pair, why: string): Judgement {
  const { what, candidate, stable } = pair;
  const own = `${percent(candidate)} of the candidate's ${candidate.requests} requests ${what}`;
  const text = `${own}, ${percent(stable)} of stable's ${stable.requests}`;
  return judgement(metric, outcome, `: ${text}; ${why}`, pointsOf(pair));
}

/** By how many percentage points the candidate is worse. */
function pointsOf({ candidate, stable }: Pair): number {
  return 100 * (shareOf(candidate) - shareOf(stable));
}

function percent(tally: Tally): string {
  return `${Number((100 * shareOf(tally)).toPrecision(3))} %`;
}

function shareOf({ hits, requests }: Tally): number {
  return requests === 0 ? 0 : hits / requests;
}
