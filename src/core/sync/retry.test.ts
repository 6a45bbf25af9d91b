import { describe, expect, it } from "vitest";
import { nextTry, type Retry } from "./retry.ts";

const HALF = 0.5;

/** The waits of so many failures in a row. */
function waits(intervalMs: number, count: number, random = HALF, wanted?: number): readonly number[] {
  const found: number[] = [];
  let retry: Retry | undefined;
  for (let n = 0; n < count; n += 1) {
    retry = nextTry(retry, { intervalMs, wanted, now: 1_000 }, random);
    found.push(retry.at - 1_000);
  }
  return found;
}

describe("asking a host again that failed", () => {
  it.each([
    ["a short interval", 1_000, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
    ["the usual interval", 60_000, [15_000, 30_000, 60_000, 60_000]],
    ["a long interval", 3_600_000, [900_000, 1_800_000, 3_600_000, 3_600_000]],
  ])("E41: with %s waits longer from time to time, up to a bound", (_name, interval, expected) => {
    expect(waits(interval, expected.length)).toEqual(expected);
  });

  it("E41: is spread by a quarter to both sides", () => {
    expect(waits(60_000, 1, 0)).toEqual([11_250]);
    expect(waits(60_000, 1, 1)).toEqual([18_750]);
  });

  it("E41: comes no sooner than the host asked for, and knows that it was asked", () => {
    expect(waits(1_000, 2, HALF, 120_000)).toEqual([120_000, 120_000]);
    expect(waits(3_600_000, 1, HALF, 1_000)).toEqual([900_000]);
    expect(nextTry(undefined, { intervalMs: 1, wanted: 1, now: 7 }, 0)).toMatchObject({ demanded: true, failedAt: 7 });
    expect(nextTry(undefined, { intervalMs: 1, wanted: undefined, now: 0 }, 0).demanded).toBe(false);
  });
});
