import type { Metric } from "../../api/v1alpha1/analysis.ts";
import type { Tally } from "./evidence.ts";
import type { Missing } from "./judge.ts";
import { matchers, REQUEST_COUNTERS, SERVED_WELL, type Track } from "./query.ts";

/** Counts of one revision, each by its labels; the shape of the metrics port's answer. */
export type Counts =
  | {
      readonly kind: "Series";
      readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
    }
  | Missing;

/** One thing that is counted of both revisions. */
export interface Pair {
  /** What the hits do: "fail", "take more than 0.25 s". */
  readonly what: string;
  readonly candidate: Tally;
  readonly stable: Tally;
}

/** All that is counted: something is. */
export type Pairs = readonly [Pair, ...Pair[]];

/** Label that tells the two numbers of a success rate apart. */
const COUNT = "count";

/**
 * The PromQL for the requests that a track has had for some time. `increase` bridges restarts of pods, and pods that are gone
 * count on: what they have served, they have served.
 */
export function countsQuery({ latency }: Metric, track: Track, rangeMs: number): string {
  const range = `[${Math.max(1, Math.round(rangeMs))}ms]`;
  const pods = matchers(track);
  if (latency !== undefined) return `sum by (le) (increase(${latency.histogram}_bucket{${pods}}${range}))`;
  // Both numbers are of the first counter that has any.
  const all = REQUEST_COUNTERS.map((name) => `sum(increase(${name}{${pods}}${range}))`);
  const good = REQUEST_COUNTERS.map(
    (name, n) => `(sum(increase(${name}{${pods},${SERVED_WELL}}${range})) or 0 * ${all[n]})`,
  );
  return [all, good]
    .map((ways, n) => `label_replace(${ways.join(" or ")}, "${COUNT}", "${n === 0 ? "all" : "good"}", "", "")`)
    .join(" or ");
}

/** What both revisions are compared by, or why they can't be. */
export function pairsOf({ latency }: Metric, candidate: readonly Row[], stable: readonly Row[]): Pairs | Missing {
  const [first, ...others] = latency === undefined ? failed(candidate, stable) : slow(candidate, stable);
  if (first !== undefined) return [first, ...others];
  const message =
    latency === undefined
      ? "the counters of the two revisions cannot be read"
      : `the histograms ${latency.histogram} of the two revisions have no bound in common`;
  return { kind: "Invalid", message };
}

type Row = Extract<Counts, { kind: "Series" }>["series"][number];

function failed(...[candidate, stable]: readonly [readonly Row[], readonly Row[]]): readonly Pair[] {
  const tally = (rows: readonly Row[]) => {
    const of = (count: string) => rows.find(({ labels }) => labels[COUNT] === count)?.value;
    return tallyOf(of("all"), of("good"));
  };
  return paired("fail", tally(candidate), tally(stable));
}

function slow(candidate: readonly Row[], stable: readonly Row[]): readonly Pair[] {
  const [own, other] = [cumulative(candidate), cumulative(stable)];
  return [...own.keys()]
    .filter((bound) => Number.isFinite(bound))
    .sort((a, b) => a - b)
    .flatMap((bound) => {
      const tallies = [own, other].map((counts) => tallyOf(counts.get(Infinity), counts.get(bound)));
      return paired(`take more than ${bound} s`, tallies[0], tallies[1]);
    });
}

function cumulative(rows: readonly Row[]): ReadonlyMap<number, number> {
  return new Map(rows.map(({ labels, value }) => [labels["le"] === "+Inf" ? Infinity : Number(labels["le"]), value]));
}

function paired(what: string, candidate: Tally | undefined, stable: Tally | undefined): readonly Pair[] {
  return candidate === undefined || stable === undefined ? [] : [{ what, candidate, stable }];
}

/** Prometheus extrapolates increases to the range's ends: whole requests are nearest to what was. */
function tallyOf(all: number | undefined, good: number | undefined): Tally | undefined {
  if (all === undefined || good === undefined || !Number.isFinite(all) || !Number.isFinite(good)) return undefined;
  const requests = Math.max(0, Math.round(all));
  return { requests, hits: Math.min(requests, Math.max(0, Math.round(all - good))) };
}
