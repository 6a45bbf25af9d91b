import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shareOf, sizesFor, sizesForBatch } from "./sizes.ts";

describe("pods for a weight", () => {
  test.each<[number, number, { candidate: number; stable: number; stableServing: number }]>([
    [4, 20, { candidate: 1, stable: 4, stableServing: 4 }],
    [4, 50, { candidate: 4, stable: 4, stableServing: 4 }],
    [4, 80, { candidate: 4, stable: 4, stableServing: 1 }],
    [4, 100, { candidate: 4, stable: 4, stableServing: 0 }],
    [4, 0, { candidate: 1, stable: 4, stableServing: 4 }],
    [10, 5, { candidate: 1, stable: 10, stableServing: 10 }],
    [10, 25, { candidate: 3, stable: 10, stableServing: 10 }],
    [10, 0.5, { candidate: 1, stable: 10, stableServing: 10 }],
    [400, 0.5, { candidate: 2, stable: 400, stableServing: 400 }],
    [400, 99.5, { candidate: 400, stable: 400, stableServing: 2 }],
    [1, 10, { candidate: 1, stable: 1, stableServing: 1 }],
    [0, 50, { candidate: 0, stable: 0, stableServing: 0 }],
  ])("%i replicas at weight %i", (replicas, weight, sizes) => {
    expect(sizesFor(replicas, weight)).toEqual(sizes);
  });

  test("at least the wanted replicas serve, and stable is never smaller than that", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 100 }), (replicas, weight) => {
        const { candidate, stable, stableServing } = sizesFor(replicas, weight);
        expect(candidate + stableServing).toBeGreaterThanOrEqual(replicas);
        expect(stable).toBe(replicas);
        expect(candidate).toBeGreaterThan(0);
      }),
    );
  });

  test("a higher weight never means a smaller share", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 99 }), (replicas, weight) => {
        const low = sizesFor(replicas, weight);
        const high = sizesFor(replicas, weight + 1);
        expect(shareOf(high.candidate, high.stableServing)).toBeGreaterThanOrEqual(
          shareOf(low.candidate, low.stableServing),
        );
      }),
    );
  });
});

describe("pods for a batch", () => {
  test.each<[number, number, number, { candidate: number; stable: number; stableServing: number }]>([
    [4, 1, 1, { candidate: 1, stable: 3, stableServing: 3 }],
    [4, 3, 1, { candidate: 3, stable: 1, stableServing: 1 }],
    [4, 4, 1, { candidate: 4, stable: 1, stableServing: 0 }],
    [5, 5, 3, { candidate: 5, stable: 3, stableServing: 0 }],
  ])("%i replicas, %i replaced, %i at a time", (replicas, replaced, batch, sizes) => {
    expect(sizesForBatch(replicas, replaced, batch)).toEqual(sizes);
  });
});

describe("the share that is reached", () => {
  test("is told to a tenth, whatever was asked for", () => {
    const { candidate, stableServing } = sizesFor(30, 0.5);
    expect(shareOf(candidate, stableServing)).toBe(3.2);
  });

  test("is none without pods", () => {
    expect(shareOf(0, 0)).toBe(0);
  });
});
