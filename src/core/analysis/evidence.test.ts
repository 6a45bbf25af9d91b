import fc from "fast-check";
import { expect, test } from "vitest";
import { logEvidence, logMean, type Tally } from "./evidence.ts";

const tally = (hits: number, requests: number): Tally => ({ hits, requests });

/** The chance of k hits in n requests. */
function binomial(n: number, k: number, p: number): number {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways * p ** k * (1 - p) ** (n - k);
}

test.each<[string, Tally, Tally, number, number]>([
  // B(3/2, 1/2) / B(1/2, 1/2) = 1/2 for one hit of one; the best pair is 1 and 1, or 1 and 1 - tolerance.
  ["one hit beside nothing is none", tally(1, 1), tally(0, 0), 0, 1 / 2],
  ["one hit of one beside no hit of one", tally(1, 1), tally(0, 1), 0, (1 / 2) ** 2 / (1 / 2) ** 2],
  ["the same with a tolerance", tally(1, 1), tally(0, 1), 0.5, (1 / 2) ** 2 / (0.75 * 0.75)],
  ["no request", tally(0, 0), tally(0, 0), 0.01, 1],
])("%s", (_what, candidate, stable, tolerance, wealth) => {
  expect(Math.exp(logEvidence(candidate, stable, tolerance))).toBeCloseTo(wealth, 8);
});

test("the least wealth is that of the best explanation without a relevant difference", () => {
  const count = fc.integer({ min: 0, max: 400 });
  fc.assert(
    fc.property(count, count, count, count, fc.constantFrom(0, 0.01, 0.1), (a, b, c, d, tolerance) => {
      const [candidate, stable] = [tally(Math.min(a, b), Math.max(a, b)), tally(Math.min(c, d), Math.max(c, d))];
      const log = (hits: number, share: number) => (hits === 0 ? 0 : hits * Math.log(share));
      const likelihood = ({ hits, requests }: Tally, share: number) =>
        log(hits, share) + log(requests - hits, 1 - share);
      const evidence = logEvidence(candidate, stable, tolerance);
      const mixed = evidenceOfEqual(candidate) + evidenceOfEqual(stable);
      for (let step = 0; step <= 200; step++) {
        for (const behind of [0, 0.02]) {
          const other = step / 200;
          const own = Math.min(1, Math.max(0, other + tolerance - behind));
          expect(evidence).toBeLessThanOrEqual(mixed - likelihood(candidate, own) - likelihood(stable, other) + 1e-6);
        }
      }
    }),
    { numRuns: 60 },
  );
});

/** The logarithm of the mixture alone: the wealth against a share that makes the likelihood 1 is not to be had, so it is summed up. */
function evidenceOfEqual({ hits, requests }: Tally): number {
  let log = 0;
  for (let i = 0; i < hits; i++) log += Math.log(i + 0.5);
  for (let i = 0; i < requests - hits; i++) log += Math.log(i + 0.5);
  for (let i = 1; i <= requests; i++) log -= Math.log(i);
  return log;
}

test("the mean wealth of a candidate that is no worse is at most 1, whatever the sizes, and less the better it is", () => {
  const mean = (n: number, m: number, own: number, other: number, tolerance: number) => {
    let sum = 0;
    for (let k = 0; k <= n; k++)
      for (let j = 0; j <= m; j++)
        sum += binomial(n, k, own) * binomial(m, j, other) * Math.exp(logEvidence(tally(k, n), tally(j, m), tolerance));
    return sum;
  };
  for (const [n, m] of [
    [1, 1],
    [5, 20],
    [30, 30],
    [60, 10],
  ] as const)
    for (const [other, tolerance] of [
      [0.1, 0],
      [0.02, 0.05],
      [0.5, 0.1],
    ] as const) {
      expect(mean(n, m, other + tolerance, other, tolerance)).toBeLessThanOrEqual(1 + 1e-9);
      expect(mean(n, m, other / 2, other, tolerance)).toBeLessThan(mean(n, m, other + tolerance, other, tolerance));
    }
});

test("a better candidate, and one within the tolerance, is no evidence, however many requests there were", () => {
  for (const requests of [10, 1_000, 1_000_000, 100_000_000]) {
    expect(logEvidence(tally(0, requests), tally(requests / 10, requests), 0)).toBeLessThan(0);
    expect(logEvidence(tally(requests / 10, requests), tally(requests / 10, requests), 0.001)).toBeLessThan(0);
  }
  expect(logEvidence(tally(2_000, 100_000), tally(1_000, 100_000), 0.001)).toBeGreaterThan(Math.log(1e6));
});

test("everybody's wealth is one: the mean of several, without overflow", () => {
  expect(logMean([0])).toBe(0);
  expect(logMean([Math.log(3), 0])).toBeCloseTo(Math.log(2), 12);
  expect(logMean([5_000, -5_000])).toBeCloseTo(5_000 - Math.log(2), 9);
});
