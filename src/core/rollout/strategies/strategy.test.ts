import { expect, test } from "vitest";
import { stepsOf } from "./strategy.ts";

type Strategy = Parameters<typeof stepsOf>[0]["strategy"];
const steps = (strategy: Strategy, replicas: number, routed = false) =>
  stepsOf({ strategy, routeRefs: routed ? [{ kind: "HTTPRoute", name: "web" }] : [] }, replicas);
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
