import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { play, schedule } from "../../../src/testing/faults/schedule.ts";
import { type ControlPlane, openControlPlane } from "../../cluster/index.ts";
import { applyCrds } from "../../harness/crds.ts";
import { Kube } from "../../harness/kube.ts";
import { MirroredApi } from "./mirror.ts";

const RUNS = Number(process.env["FAIRLEAD_REAL_FAULT_RUNS"] ?? 200);
const SEED = 20261127;
const AT_ONCE = 8;

let plane: ControlPlane;
let kube: Kube;

beforeAll(async () => {
  plane = await openControlPlane({ log: () => undefined });
  kube = new Kube(plane.kubeconfig);
  await applyCrds(kube);
});

afterAll(async () => {
  await kube?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

// The same schedules as of npm run test:soak, each in a namespace of its own: what the API server in memory leaves out shows here.
it(`${RUNS} random schedules of faults on a real API server end as Git says (seed ${SEED})`, {
  timeout: 600_000,
}, async () => {
  const waiting = Array.from({ length: RUNS }, (_, index) => index).values();
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (const index of waiting) {
      const [one] = fc.sample(schedule, { seed: SEED + index, numRuns: 1 });
      const store = new MirroredApi(kube);
      try {
        if (one !== undefined) await play(one, store, `story-${index}`);
        await store.assertTrue();
      } catch (error) {
        failures.push(`schedule ${index}: ${String(error)}\n${JSON.stringify(one)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(failures.slice(0, 3).join("\n\n")).toBe("");
});
