import { normal } from "./random.ts";

/** How one revision answers: seconds for each request of an interval, or whether it fails. */
export type Answers = (random: () => number) => () => number;

/** What two revisions do, and whether the candidate is worse. */
export interface Case {
  readonly name: string;
  readonly counts: "latency" | "errors";
  readonly stable: Answers;
  readonly candidate: Answers;
  readonly isWorse: boolean;
}

/** Around 80 ms, with a p95 of 182 ms. */
const usual = (random: () => number) => 0.08 * Math.exp(0.5 * normal(random));
/** The upper decile begins here. */
const SLOWEST = 0.08 * Math.exp(0.5 * 1.2815515655);

const alike =
  (one: (random: () => number) => number): Answers =>
  (random) =>
  () =>
    one(random);
const failing = (share: number): Answers => alike((random) => (random() < share ? 1 : 0));
/** One level for all requests of an interval, drawn from a list. */
const levels =
  (seconds: readonly number[]): Answers =>
  (random) => {
    const level = seconds[Math.floor(random() * seconds.length)] ?? 0;
    return () => level * (1 + 0.01 * random());
  };

/** Values that users of Kayenta reported as misjudged, in hundredths of a second. */
const NARROW = [10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 17, 17.1, 17.2, 17.3, 17.4, 17.5, 17.6, 17.7];
const WIDE = [1, 100, 4, 101, 5, 102, 6, 103, 7, 104, 8, 105, 9, 106, 17];
const hundredths = (values: readonly number[]) => values.map((value) => value / 100);

/** The data set that judges are compared on. */
export const CASES: readonly Case[] = [
  { name: "latency alike", counts: "latency", stable: alike(usual), candidate: alike(usual), isWorse: false },
  {
    name: "every request 20 % slower",
    counts: "latency",
    stable: alike(usual),
    candidate: alike((random) => 1.2 * usual(random)),
    isWorse: true,
  },
  {
    name: "the slowest tenth 20 % slower",
    counts: "latency",
    stable: alike(usual),
    candidate: alike((random) => {
      const seconds = usual(random);
      return seconds > SLOWEST ? 1.2 * seconds : seconds;
    }),
    isWorse: true,
  },
  {
    name: "3 of 10 requests 3 times as slow",
    counts: "latency",
    stable: alike(usual),
    candidate: alike((random) => (random() < 0.3 ? 3 : 1) * usual(random)),
    isWorse: true,
  },
  {
    name: "7 of 10 intervals 100 times as slow",
    counts: "latency",
    stable: levels([0.01]),
    candidate: levels([...Array<number>(7).fill(1), ...Array<number>(3).fill(0.01)]),
    isWorse: true,
  },
  {
    name: "variance instead of two narrow levels",
    counts: "latency",
    stable: levels(hundredths(NARROW)),
    candidate: levels(hundredths(WIDE)),
    isWorse: true,
  },
  { name: "0.5 % fail in both", counts: "errors", stable: failing(0.005), candidate: failing(0.005), isWorse: false },
  {
    name: "1.5 % fail instead of 0.5 %",
    counts: "errors",
    stable: failing(0.005),
    candidate: failing(0.015),
    isWorse: true,
  },
];
