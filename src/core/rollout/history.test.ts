import { describe, expect, test } from "vitest";
import { rolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { BAD, BASE, JUDGED, ROUTED, reads, world as worldOf } from "../../testing/rollout/words.ts";
import type { SimWorld } from "../../testing/rollout/world.ts";
import { originOf } from "./origin.ts";

async function pass(world: SimWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await work(world);
    world.pass(1_000);
  }
}

const commits = (world: SimWorld, commit: string, author = "Ada") => {
  world.origin = { commit, author };
};
const last = (world: SimWorld) => world.status.history?.[0];

describe("an entry of the history", () => {
  test("of a promotion tells the commit, its author, how long it took and the highest share", async () => {
    const world = worldOf(JUDGED)();
    commits(world, "c1");
    await pass(world, 15);
    expect(last(world)).toMatchObject({ outcome: "Adopted", commit: "c1" });
    commits(world, "c2", "Grace");
    world.push("v2");
    await pass(world, 60);
    const entry = last(world);
    expect(entry).toMatchObject({
      revision: "v2",
      commit: "c2",
      author: "Grace",
      outcome: "Promoted",
      reason: "Promoted",
      peakWeight: 100,
      peakShare: 100,
    });
    const seconds = (Date.parse(entry?.finishedAt ?? "") - Date.parse(entry?.startedAt ?? "")) / 1_000;
    expect(entry?.duration).toBe(`${seconds}s`);
    expect(world.status.rollout?.origin).toBeUndefined();
  });

  test("of a rejection tells why in one word, and what share of users met it", async () => {
    const world = worldOf(JUDGED, reads("v2", BAD))();
    await pass(world, 15);
    world.push("v2");
    await pass(world, 40);
    expect(last(world)).toMatchObject({ outcome: "Rejected", reason: "Failing", peakWeight: 20, peakShare: 20 });
  });

  test("by routes tells the weight that they gave", async () => {
    const world = worldOf(ROUTED, reads("v2", BAD))();
    await pass(world, 15);
    world.push("v2");
    await pass(world, 40);
    expect(last(world)).toMatchObject({ outcome: "Rejected", peakWeight: 20, peakShare: 20 });
  });

  test("names the commit that brought the revision, whatever came while it waited", async () => {
    const world = worldOf({ ...BASE, paused: true })();
    commits(world, "c1");
    await pass(world, 15);
    commits(world, "c2");
    world.push("v2");
    await pass(world, 2);
    commits(world, "c3");
    await pass(world, 2);
    Object.assign(world, { spec: { ...world.spec, paused: false } });
    await pass(world, 5);
    commits(world, "c4");
    world.push("v1");
    await pass(world, 15);
    expect(last(world)).toMatchObject({ revision: "v2", outcome: "Cancelled", reason: "Cancelled", commit: "c2" });
  });

  test("of a rollback names the commit that went back", async () => {
    const world = worldOf(BASE)();
    await pass(world, 15);
    world.push("v2");
    await pass(world, 60);
    commits(world, "c3");
    world.push("v1");
    await pass(world, 15);
    expect(last(world)).toMatchObject({ revision: "v1", outcome: "RolledBack", reason: "RolledBack", commit: "c3" });
  });

  test("has no commit where no sync applies the Deployment", async () => {
    const world = worldOf(BASE)();
    await pass(world, 15);
    world.push("v2");
    await pass(world, 60);
    expect(last(world)).not.toHaveProperty("commit");
  });
});

test("half of a commit brings nothing: its name is asked for when all of it is there", async () => {
  const world = worldOf(BASE)();
  await pass(world, 15);
  commits(world, "old");
  Object.assign(world, { arriving: true });
  world.push("v2");
  await pass(world, 2);
  expect(world.status.rollout?.origin).toBeUndefined();
  commits(world, "new");
  Object.assign(world, { arriving: false });
  await pass(world, 2);
  expect(world.status.rollout?.origin).toEqual({ revision: "v2", commit: "new", author: "Ada" });
});

test("a history that an older version stored is read as it is, and keeps ten entries", async () => {
  const time = "2026-01-01T00:00:00Z";
  const entry = {
    revision: "v0",
    outcome: "Promoted",
    message: "x",
    startedAt: time,
    finishedAt: time,
    peakWeight: 100,
  };
  const world = worldOf(BASE)();
  world.status = rolloutStatus.parse({ history: Array.from({ length: 10 }, () => entry) });
  await pass(world, 15);
  expect(world.status.history?.map(({ outcome }) => outcome)).toEqual(["Adopted", ...Array(9).fill("Promoted")]);
});

test.each<[string, string, object]>([
  ["a name and an address", "Ada Lovelace <ada@example.com>", { commit: "c", author: "Ada Lovelace" }],
  ["an address alone", "<ada@example.com>", { commit: "c" }],
  ["a name alone", "Ada", { commit: "c", author: "Ada" }],
  ["brackets in a name", "A <b> C <x@y>", { commit: "c", author: "A <b> C" }],
])("an author is known by %s", (_what, author, origin) => {
  expect(originOf({ sha: "c", author })).toEqual(origin);
});

test("A20: an author's name stays on one line, moves no terminal, is short, and is in no Event", async () => {
  const evil = `Ada\n\u001b[2J\u202Edrow\u2028@channel ${"x".repeat(500)} <a@b>`;
  const { author = "" } = originOf({ sha: "c", author: evil });
  expect(author).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(author.length).toBeLessThanOrEqual(100);

  const world = worldOf(BASE)();
  const told: string[] = [];
  world.onDecision = ({ because }) => told.push(`${because.message} ${because.exit}`);
  await pass(world, 15);
  commits(world, "c2", "Grace");
  world.push("v2");
  await pass(world, 60);
  expect(last(world)?.author).toBe("Grace");
  expect(told.join("\n")).toContain("commit c2");
  expect(told.join("\n")).not.toContain("Grace");
});
