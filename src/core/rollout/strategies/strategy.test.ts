import { expect, test } from "vitest";
import { stepsOf } from "./strategy.ts";

const weights = (...args: Parameters<typeof stepsOf>) => stepsOf(...args).map(({ weight }) => weight);

test.each<[string, Parameters<typeof stepsOf>, number[]]>([
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
  expect(stepsOf({ canary: { steps: [{ weight: 5, hold: "1m30s" }] } }, 4)[0]?.holdMs).toBe(90_000);
});
