import type { Counts } from "../../core/analysis/counts.ts";
import { randomOf } from "./random.ts";
import type { Case } from "./traffic.ts";

/** How much is seen of both revisions. */
export interface Size {
  readonly intervals: number;
  /** Requests of an interval. */
  readonly candidate: number;
  readonly stable: number;
}

/** What Prometheus has of a revision after an interval. */
export interface Seen {
  /** Everything so far. */
  readonly counts: Counts;
  /** What people usually look at, of this interval: the p95, or the share of errors in percent. */
  readonly sample: () => number;
}

/** Bounds of a histogram of the common client libraries, in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Both revisions, interval by interval; the same for the same seed. */
export function* seenOf(
  { counts, candidate, stable }: Case,
  size: Size,
  seed: number,
): Generator<{ readonly candidate: Seen; readonly stable: Seen }> {
  const random = randomOf(seed);
  const [own, other] = counts === "errors" ? [failures(), failures()] : [durations(), durations()];
  for (let interval = 0; interval < size.intervals; interval++)
    yield { candidate: own(candidate(random), size.candidate), stable: other(stable(random), size.stable) };
}

type Prometheus = (answer: () => number, requests: number) => Seen;

function failures(): Prometheus {
  let [all, failed] = [0, 0];
  return (answer, requests) => {
    let now = 0;
    for (let request = 0; request < requests; request++) now += answer();
    all += requests;
    failed += now;
    return {
      counts: rows("count", [
        ["all", all],
        ["good", all - failed],
      ]),
      sample: () => (100 * now) / requests,
    };
  };
}

function durations(): Prometheus {
  let all = 0;
  const within = BOUNDS.map(() => 0);
  return (answer, requests) => {
    const values = Float64Array.from({ length: requests }, answer);
    all += requests;
    for (const value of values)
      for (let n = BOUNDS.length - 1; n >= 0 && value <= (BOUNDS[n] ?? 0); n--) within[n] = (within[n] ?? 0) + 1;
    const counts = BOUNDS.map((bound, n) => [String(bound), within[n] ?? 0] as const);
    const sample = () => values.sort()[Math.ceil(0.95 * requests) - 1] ?? 0;
    return { counts: rows("le", [...counts, ["+Inf", all]]), sample };
  };
}

function rows(label: string, values: readonly (readonly [string, number])[]): Counts {
  return { kind: "Series", series: values.map(([name, value]) => ({ labels: { [label]: name }, value })) };
}
