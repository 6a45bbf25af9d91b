import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { rolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { stepsOf } from "./strategy.ts";

type Strategy = z.input<typeof rolloutSpec>["strategy"];
/** The steps of a strategy as people write it. */
const steps = (strategy: Strategy, replicas: number, routed = false) => {
  const refs = { workloadRef: { name: "web" }, serviceRef: { name: "web" } };
  return stepsOf(rolloutSpec.parse({ ...refs, strategy, routeRefs: routed ? [{ name: "web" }] : [] }), replicas);
};
const weights = (...args: Parameters<typeof steps>) => steps(...args).map(({ weight }) => weight);

test.each<[string, Parameters<typeof steps>, number[]]>([
  [
    "a canary has the weights of its list",
    [
      {
        canary: {
          steps: [
            { weight: 5, hold: "2m" },
            { weight: 50, hold: "0s" },
          ],
        },
      },
      4,
    ],
    [5, 50],
  ],
  ["the default rolls one pod at a time", [{}, 3], [33, 67, 100]],
  ["a batch in percent is rounded up", [{ rolling: { batch: "30%", hold: "0s" } }, 4], [50, 100]],
  ["a batch larger than all is one step", [{ rolling: { batch: 10, hold: "0s" } }, 3], [100]],
  ["no replicas still make one step, so that a promotion has a place", [{}, 0], [100]],
])("%s", (_name, args, wanted) => {
  expect(weights(...args)).toEqual(wanted);
});

test("a hold is in milliseconds", () => {
  expect(steps({ canary: { steps: [{ weight: 5, hold: "1m30s" }] } }, 4)[0]?.holdMs).toBe(90_000);
});

test("with routes stable keeps its full size, and the candidate has just the pods for its weight", () => {
  const canary = { steps: [{ weight: 0.5 }, { weight: 5 }, { weight: 50 }, { weight: 80 }] };
  expect(steps({ canary }, 4, true).map(({ sizes }) => sizes)).toEqual([
    { candidate: 1, stable: 4, stableServing: 4 },
    { candidate: 1, stable: 4, stableServing: 4 },
    { candidate: 2, stable: 4, stableServing: 4 },
    { candidate: 4, stable: 4, stableServing: 4 },
  ]);
  const rolling = { batch: 1, hold: "0s" };
  expect(weights({ rolling }, 6, true)).toEqual([16, 33, 50, 66, 83, 100]);
  expect(steps({ rolling }, 3, true).map(({ sizes }) => [sizes.candidate, sizes.stable])).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
});

describe("with stable lowered", () => {
  const shared = (maxSurge: number | string, ...weights: readonly number[]) => ({
    canary: { stableCapacity: "Shared" as const, maxSurge, steps: weights.map((weight) => ({ weight, hold: "1m" })) },
  });
  const sizes = (...args: Parameters<typeof steps>) =>
    steps(...args).map(({ weight, sizes: { candidate, stable } }) => `${weight}: ${candidate}+${stable}`);

  test.each<[string, Parameters<typeof steps>, readonly string[]]>([
    [
      "both tracks together have the replicas",
      [shared("100%", 10, 50, 90), 10],
      ["10: 1+9", "50: 5+5", "90: 9+1", "100: 10+1"],
    ],
    [
      "a step that needs more than the surge is taken in parts, and so is the way to full size",
      [shared(3, 10, 50), 10],
      ["10: 1+9", "40: 4+6", "50: 5+5", "80: 8+2", "100: 10+2"],
    ],
    [
      "by routes each track has the pods for its weight",
      [shared(3, 5, 50), 10, true],
      ["5: 1+10", "30: 3+7", "50: 5+5", "80: 8+2", "100: 10+2"],
    ],
    ["without requests stable is whole", [shared(2, 0, 50), 4], ["0: 1+4", "50: 2+2", "100: 4+2"]],
    ["a whole stable counts against the surge, too", [shared(1, 0), 2], ["0: 1+2", "50: 1+1", "100: 2+1"]],
    ["one pod is not shared out", [shared(1, 50), 1], ["50: 1+1", "100: 1+1"]],
    ["no replicas need no pods", [shared(1, 50), 0], ["50: 0+0", "100: 0+0"]],
  ])("%s", (_name, args, wanted) => {
    expect(sizes(...args)).toEqual(wanted);
  });

  test("parts are not held, and a quarter more is what there may be unless Git says otherwise", () => {
    const { maxSurge: _default, ...canary } = shared(1, 50).canary;
    expect(steps({ canary }, 8).map(({ weight, holdMs }) => [weight, holdMs])).toEqual([
      [25, 0],
      [50, 60_000],
      [75, 0],
      [100, 0],
    ]);
  });

  test("no step needs more pods than the replicas and the surge, whatever the numbers", () => {
    const number = (max: number) => fc.integer({ min: 1, max });
    const weights = fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(number(30), number(30), weights, fc.boolean(), (replicas, surge, tenths, routed) => {
        const list = tenths.sort((a, b) => a - b).map((tenth) => tenth / 10);
        let [before, weight] = [{ candidate: 0, stable: replicas }, -1];
        for (const step of steps(shared(surge, ...list), replicas, routed)) {
          const { candidate, stable } = step.sizes;
          // By routes a pod of each track may be there for less than a pod's part.
          expect(candidate + before.stable).toBeLessThanOrEqual(replicas + surge + (routed ? 1 : 0));
          expect(candidate + stable).toBeGreaterThanOrEqual(replicas);
          expect(stable).toBeLessThanOrEqual(before.stable);
          expect(step.weight).toBeGreaterThan(weight);
          [before, weight] = [step.sizes, step.weight];
        }
        expect([weight, before.candidate]).toEqual([100, replicas]);
      }),
    );
  });
});
