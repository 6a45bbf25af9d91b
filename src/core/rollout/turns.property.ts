import fc from "fast-check";
import { expect, test } from "vitest";
import { type Fate, Fleet, fleetOf, QUICK } from "../../testing/rollout/fleet.ts";
import { RUNS as ALL, SEED } from "../../testing/seed.ts";

const RUNS = Math.max(20, Math.floor(ALL / 100));

const NAMES = ["a", "b", "c", "d", "e", "f"];
type Move =
  | { readonly do: "push"; readonly name: string; readonly template: string }
  | { readonly do: "pushAll"; readonly template: string }
  | { readonly do: "pause"; readonly name: string; readonly paused: boolean }
  | { readonly do: "limit"; readonly limit: number | undefined }
  | { readonly do: "restart" }
  | { readonly do: "pass"; readonly seconds: number };

const name = fc.constantFrom(...NAMES);
const template = fc.constantFrom("v1", "v2", "v3");
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), name, template }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pushAll" as const), template }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), name, paused: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("limit" as const), limit: fc.constantFrom(0, 1, 2, 3, undefined) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 8 }) }) },
);
const story = fc.record({
  limit: fc.integer({ min: 1, max: 3 }),
  moves: fc.array(move, { minLength: 1, maxLength: 15 }),
  /** How many turns of the event loop each write takes, and what becomes of it. */
  writes: fc.infiniteStream(
    fc.tuple(fc.nat(4), fc.constantFrom<Fate>("Stored", "Stored", "Stored", "Refused", "Unanswered")),
  ),
});

test("P33: a ConfigMap that 200 rollouts share starts ten at a time, in their order, without a herd", async () => {
  const fleet = fleetOf(200, 10);
  await fleet.live(12);
  let most = 0;
  const started: string[] = [];
  fleet.onStored = ({ name, world }, before) => {
    most = Math.max(most, fleet.underWay().length);
    if (before.rollout?.candidate === undefined && world.status.rollout?.candidate !== undefined) started.push(name);
  };
  for (const member of fleet.members.values()) Object.assign(member, { looks: 0, writes: 0 });
  for (const name of fleet.members.keys()) fleet.change(name, (world) => world.push("v2"));
  await fleet.work();
  const waiting = [...fleet.members.values()].filter(({ world }) => world.status.rollout?.waitingSince !== undefined);
  const [, second] = waiting;
  expect(waiting).toHaveLength(190);
  expect(second?.world.status.conditions?.find(({ type }) => type === "Ready")?.message).toContain(
    "app-010 is before this one",
  );
  // While nobody ends, nobody is looked at but those under way, once the Services have settled.
  await fleet.live(2);
  const looks = waiting.reduce((sum, member) => sum + member.looks, 0);
  await fleet.live(2);
  expect(waiting.reduce((sum, member) => sum + member.looks, 0)).toBe(looks);

  await fleet.live(600, () => !fleet.busy());
  expect([...fleet.members.values()].filter(({ world }) => world.status.rollout?.stable !== "v2")).toEqual([]);
  expect(most).toBe(10);
  expect(started).toEqual([...started].sort());
  const [one] = fleet.members.values();
  const writes = [...fleet.members.values()].map((member) => member.writes);
  // One that waits says so, is told who is before it, and says that it is the next: no more, however many wait.
  expect(Math.max(...writes)).toBeLessThanOrEqual((one?.writes ?? 0) + 4);
});

test(`P33: ${RUNS} random interleavings of six rollouts keep the limit, the order, and end (seed ${SEED})`, async () => {
  const play = fc.asyncProperty(story, async ({ limit, moves, writes }) => {
    const fleet = new Fleet(
      NAMES,
      () => ({ template: "v1", replicas: 1, spec: QUICK }),
      async () => {
        const { value } = writes.next();
        const [turns, fate] = value ?? [0, "Stored" as const];
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        return fate;
      },
    );
    fleet.limit = limit;
    // What was under way when the limit was lowered goes on.
    let most = limit;
    fleet.onStored = ({ name: starter, world }, before) => {
      if (before.rollout?.candidate !== undefined || world.status.rollout?.candidate === undefined) return;
      const running = fleet.underWay().length;
      if (running > Math.max(most, fleet.limit ?? NAMES.length))
        throw new Error(`${starter} starts as the ${running}th, ${fleet.limit} may run`);
    };
    await fleet.live(12);
    for (const next of moves) {
      if (next.do === "push") fleet.change(next.name, (world) => world.push(next.template));
      else if (next.do === "pushAll")
        for (const each of NAMES) fleet.change(each, (world) => world.push(next.template));
      else if (next.do === "pause")
        fleet.change(next.name, (world) => Object.assign(world, { spec: { ...world.spec, paused: next.paused } }));
      else if (next.do === "restart") fleet.restart();
      else if (next.do === "limit") {
        fleet.allow(next.limit);
        most = Math.max(fleet.underWay().length, next.limit ?? NAMES.length);
      } else await fleet.live(next.seconds);
      await fleet.work();
    }
    for (const each of NAMES)
      fleet.change(each, (world) => Object.assign(world, { spec: { ...world.spec, paused: false } }));
    fleet.allow(1);
    // One after the other: each has its turn.
    await fleet.work();
    for (let each = 0; each < NAMES.length && fleet.busy(); each++) await fleet.live(14);
    for (const { name: each, world } of fleet.members.values()) {
      expect(world.status.rollout, each).toMatchObject({ stage: "Resting", stable: world.git.template });
      expect(world.status.rollout?.waitingSince, each).toBeUndefined();
    }
  });
  await fc.assert(play, { numRuns: RUNS, seed: SEED, endOnFailure: false });
});
