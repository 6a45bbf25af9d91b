import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { play, schedule } from "../../../src/testing/faults/schedule.ts";
import { type BarePlane, openBarePlane } from "../../harness/barePlane.ts";
import { sideBySide } from "../../harness/sideBySide.ts";
import { MirroredApi } from "./mirror.ts";

const RUNS = Number(process.env["FAIRLEAD_REAL_FAULT_RUNS"] ?? 200);
const SEED = 20261127;
const AT_ONCE = 8;

let plane: BarePlane;

beforeAll(async () => {
  plane = await openBarePlane();
});

afterAll(() => plane?.[Symbol.asyncDispose]());

// The same schedules as of npm run test:soak, each in a namespace of its own: what the API server in memory leaves out shows here.
it(`${RUNS} random schedules of faults on a real API server end as Git says (seed ${SEED})`, {
  timeout: 600_000,
}, async () => {
  const failures: string[] = [];
  await sideBySide(Array(RUNS).keys(), AT_ONCE, async (index) => {
    const [one] = fc.sample(schedule, { seed: SEED + index, numRuns: 1 });
    const store = new MirroredApi(plane.kube);
    try {
      if (one !== undefined) await play(one, store, `story-${index}`);
      await store.assertTrue();
    } catch (error) {
      failures.push(`schedule ${index}: ${String(error)}\n${JSON.stringify(one)}`);
    }
  });
  expect(failures.slice(0, 3).join("\n\n")).toBe("");
});
