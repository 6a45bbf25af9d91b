import { afterAll, beforeAll, expect, it } from "vitest";
import { measureMemory } from "../../../bench/memory/measure.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const MiB = 1024 * 1024;

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});
afterAll(() => scene?.[Symbol.asyncDispose]());

it("E45: a repository of 200 MB with a small path costs the operator less than 256 MiB; npm run bench:memory makes larger ones", async () => {
  const { first, change } = await measureMemory(scene, 200);
  expect(first.operator / MiB).toBeLessThan(256);
  expect(change.operator / MiB).toBeLessThan(256);
  // Objects go from one file to another, so git itself needs little beside the operator.
  expect(first.git / MiB).toBeLessThan(256);
});
