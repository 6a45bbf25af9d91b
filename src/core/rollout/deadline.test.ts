import { expect, test } from "vitest";
import { work } from "../../testing/rollout/simulate.ts";
import { BASE, starts, world as worldOf } from "../../testing/rollout/words.ts";
import type { SimWorld } from "../../testing/rollout/world.ts";

const SPEC = { ...BASE, progressDeadlineSeconds: 60 };
const never = Number.POSITIVE_INFINITY;

/** Lets seconds pass until the condition holds; gives how many, or fails at the limit. */
async function until(
  world: SimWorld,
  holds: () => boolean,
  limit: number,
  each: () => void = () => {},
): Promise<number> {
  for (let second = 0; second <= limit; second++) {
    await work(world);
    if (holds()) return second;
    each();
    world.pass(1_000);
  }
  throw new Error(`not within ${limit} s: ${JSON.stringify(world.status)}`);
}
const pass = (world: SimWorld, seconds: number, each?: () => void) =>
  until(world, () => false, seconds, each).catch(() => undefined);

test("P22: pods that never become ready reject the revision at its deadline, and the next broken one at its own", async () => {
  const world = worldOf(SPEC)();
  await pass(world, 15);
  for (const broken of ["v2", "v3"]) {
    starts(broken, never)(world);
    world.push(broken);
    const took = await until(world, () => world.status.history?.[0]?.revision === broken, 100);
    expect(took).toBeGreaterThanOrEqual(60);
    expect(took).toBeLessThanOrEqual(75);
    expect(world.status.history?.[0]).toMatchObject({
      outcome: "Rejected",
      reason: "CapacityMissing",
      revision: broken,
    });
    expect(world.status.history?.[0]?.message).toContain("0 of 1 pods");
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v1" });
  }
});

test("P22: pods that die at rest for minutes begin no rollout and reject nothing", async () => {
  const world = worldOf(SPEC)();
  await pass(world, 15);
  let second = 0;
  await pass(world, 300, () => {
    if (++second % 3 === 0) world.disturb(second, 5_000);
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v1" });
  });
  expect(second).toBe(301);
  await pass(world, 20);
  expect(world.status.history?.map(({ outcome }) => outcome)).toEqual(["Adopted"]);
  expect(world.status.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
    status: "True",
    reason: "AtRest",
  });
});

test("P22: holds and pauses that last ten times the deadline are no lack of progress", async () => {
  const steps = [{ weight: 20, hold: "10m" }, { approval: {} }, { weight: 50, hold: "10m" }];
  const world = worldOf({ ...SPEC, strategy: { canary: { steps } } })();
  await pass(world, 15);
  world.push("v2");
  await pass(world, 900);
  expect(world.status.rollout).toMatchObject({ stage: "Stepping", step: 1 });
  Object.assign(world, { spec: { ...world.spec, paused: true, approvedRevision: "v2" } });
  await pass(world, 600);
  expect(world.status.rollout).toMatchObject({ stage: "Stepping", candidate: "v2" });
  Object.assign(world, { spec: { ...world.spec, paused: false } });
  await until(world, () => world.status.history?.[0]?.outcome === "Promoted", 700);
});
