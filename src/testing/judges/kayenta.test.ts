import { expect, test } from "vitest";
import { kayenta, shiftAt } from "./kayenta.ts";

const ones = Array<number>(10).fill(1);
const bimodal = [...Array<number>(7).fill(100), 1, 1, 1];

test.each<[string, readonly number[], readonly number[], string]>([
  ["identical samples pass", [1, 2, 3], [1, 2, 3], "Pass"],
  ["one distinct value passes", ones, ones, "Pass"],
  ["nothing is no data", [], [1], "Nodata"],
  ["NaN is removed", [Number.NaN], [1], "Nodata"],
  ["a clear shift is high", [1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18], "High"],
  ["a shift down is not", [11, 12, 13, 14, 15, 16, 17, 18], [1, 2, 3, 4, 5, 6, 7, 8], "Pass"],
  ["7 of 10 samples a hundred times as large pass, as was reported", ones, bimodal, "Pass"],
  ["and 8 of 10 do not", ones, [...Array<number>(8).fill(100), 1, 1], "High"],
])("%s", (_what, control, experiment, verdict) => {
  expect(kayenta(control, experiment)).toBe(verdict);
});

test("the numbers of the report: the interval reaches from 0 to 99, around an estimate of 99", () => {
  expect(shiftAt(bimodal, ones, 2.3263478740408408)).toBeCloseTo(0, 3);
  expect(shiftAt(bimodal, ones, 0)).toBeCloseTo(99, 3);
  expect(shiftAt(bimodal, ones, -2.3263478740408408)).toBeCloseTo(99, 3);
});
