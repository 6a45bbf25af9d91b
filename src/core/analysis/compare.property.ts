import { expect, test } from "vitest";
import { CASES, type Case } from "../../testing/judges/traffic.ts";
import { byFairlead, byKayenta } from "../../testing/judges/trial.ts";

const SEEDS = Array.from({ length: 1_000 }, (_, seed) => seed);
const SIZE = { intervals: 20, candidate: 500, stable: 1_500 };

const named = (name: string): Case => {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
};
/** How many of a hundred trials end each way. */
const ends = (one: Case, size = SIZE) => {
  const outcomes = SEEDS.map((seed) => byFairlead(one, size, seed).outcome);
  return (outcome: string) => (100 * outcomes.filter((each) => each === outcome).length) / SEEDS.length;
};

test.each(CASES.filter(({ isWorse }) => !isWorse).map(({ name }) => name))(
  "P20: %s passes in at least 95 of 100 rollouts, at whichever of 20 looks it is asked",
  (name) => {
    const share = ends(named(name));
    expect(share("Pass")).toBeGreaterThanOrEqual(95);
    expect(share("Fail")).toBeLessThanOrEqual(1);
  },
);

test.each(CASES.filter(({ isWorse }) => isWorse).map(({ name }) => name))(
  "P20: %s is refused in at least 95 of 100 rollouts",
  (name) => {
    expect(ends(named(name))("Fail")).toBeGreaterThanOrEqual(95);
  },
);

test.each(CASES.filter(({ isWorse }) => !isWorse).map(({ name }) => name))(
  "P20: 20 requests of %s are inconclusive",
  (name) => {
    expect(ends(named(name), { intervals: 1, candidate: 20, stable: 60 })("NoData")).toBe(100);
  },
);

test.each(["7 of 10 intervals 100 times as slow", "variance instead of two narrow levels"])(
  "P20: a judge by ranks lets many of %s pass, on the same data",
  (name) => {
    const refused = SEEDS.slice(0, 100).filter((seed) => byKayenta(named(name), SIZE, seed).once).length;
    expect(refused).toBeLessThan(75);
  },
);
