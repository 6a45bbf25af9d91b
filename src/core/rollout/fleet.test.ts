import { expect, test } from "vitest";
import { START } from "../../testing/rollout/cluster.ts";
import { fleetOf } from "../../testing/rollout/fleet.ts";

test("keeps the order across a restart, and gives a free place to the one that waits longest", async () => {
  const fleet = fleetOf(4, 1);
  await fleet.live(12);
  const started: string[] = [];
  fleet.onStored = ({ name, world }, before) => {
    if (before.rollout?.candidate === undefined && world.status.rollout?.candidate !== undefined) started.push(name);
  };
  for (const name of ["app-003", "app-002", "app-001", "app-000"]) {
    fleet.change(name, (world) => world.push("v2"));
    await fleet.live(1);
  }
  fleet.restart();
  await fleet.live(100, () => !fleet.busy());
  expect(started).toEqual(["app-003", "app-002", "app-001", "app-000"]);
});

test("lets nobody wait behind one that is paused, and none for a way back", async () => {
  const fleet = fleetOf(3, 1);
  await fleet.live(12);
  for (const name of fleet.members.keys()) {
    fleet.change(name, (world) => world.push("v2"));
    await fleet.live(1);
  }
  fleet.change("app-001", (world) => Object.assign(world, { spec: { ...world.spec, paused: true } }));
  fleet.change("app-000", (world) => world.push("v1"));
  await fleet.live(100, () => fleet.members.get("app-002")?.world.status.rollout?.stable === "v2");
  expect(fleet.members.get("app-001")?.world.status.rollout).toMatchObject({ stage: "Resting", stable: "v1" });
  expect(fleet.members.get("app-001")?.world.status.rollout?.waitingSince).toBeUndefined();
  const back = fleet.members.get("app-002");
  fleet.allow(0);
  const at = back?.world.now ?? START;
  fleet.change("app-002", (world) => world.push("v1"));
  await fleet.live(30, () => back?.world.status.rollout?.stable === "v1");
  expect((back?.world.now ?? 0) - at).toBeLessThan(10_000);
});
