import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { ConfiguredWorld, SharedConfig } from "../../testing/rollout/sharedConfig.ts";
import { assertNoneStopped, work } from "../../testing/rollout/simulate.ts";
import { BAD, GOOD, JUDGED, ROLLING, reads } from "../../testing/rollout/words.ts";
import { Crash } from "../../testing/rollout/world.ts";
import { RUNS as ALL, SEED } from "../../testing/seed.ts";

const RUNS = Math.ceil(ALL / 100);

const SPECS: readonly Record<string, Json>[] = [
  { ...JUDGED, scaleDownDelaySeconds: 5 },
  { ...JUDGED, strategy: ROLLING["strategy"] ?? null, scaleDownDelaySeconds: 5 },
];
const CONTENTS = ["c1", "c2", "c3"] as const;
const PROGRAMS = ["v1", "v2"] as const;

/** Which of the two rollouts. */
const who = fc.nat(1);
const move = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("configure" as const), content: fc.constantFrom(...CONTENTS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("push" as const), who, program: fc.constantFrom(...PROGRAMS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("judge" as const),
      who,
      revision: fc.tuple(fc.constantFrom(...PROGRAMS), fc.constantFrom(...CONTENTS)).map((parts) => parts.join("@")),
      good: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("losePod" as const), who, pod: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), who, afterWrites: fc.nat(4) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 15 }) }) },
);
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;

describe("P39: two rollouts that share a ConfigMap", () => {
  test(`${RUNS} random stories: the verdict of one never changes the configuration of the other (seed ${SEED})`, async () => {
    const story = fc.record({
      specs: fc.tuple(fc.constantFrom(...SPECS), fc.constantFrom(...SPECS)),
      moves: fc.array(move, { minLength: 3, maxLength: 20 }),
    });
    await fc.assert(fc.asyncProperty(story, play), { numRuns: RUNS, seed: SEED, endOnFailure: false });
    expect(RUNS).toBeGreaterThan(0);
  });

  test("one passes, the other is rejected: its stable pods start anew with what they were judged with", async () => {
    const shared = new SharedConfig();
    const [passes, fails] = [JUDGED, JUDGED].map((spec) => new ConfiguredWorld(shared, 3, spec)) as [
      ConfiguredWorld,
      ConfiguredWorld,
    ];
    reads("v1@c2", BAD)(fails);
    await live([passes, fails], 20);
    shared.commit("c2");
    await live([passes, fails], 60);
    expect(passes.status.rollout).toMatchObject({ stage: "Resting", stable: "v1@c2" });
    expect(fails.status.rollout).toMatchObject({ stage: "Resting", stable: "v1@c1" });
    for (let pod = 0; pod < 3; pod += 1) fails.losePod(pod);
    await live([passes, fails], 10);
    expect(fails.podsOf("v1@c1").filter(({ ready }) => ready)).toHaveLength(3);
  });
});

async function play({
  specs,
  moves,
}: {
  readonly specs: readonly Record<string, Json>[];
  readonly moves: readonly Move[];
}) {
  const shared = new SharedConfig();
  const worlds = specs.map((spec) => new ConfiguredWorld(shared, 3, spec));
  await live(worlds, 20);
  for (const next of moves) await make(shared, worlds, next);
  const everything = PROGRAMS.flatMap((program) => CONTENTS.map((content) => `${program}@${content}`));
  for (const world of worlds) for (const revision of everything) reads(revision, GOOD)(world);
  // What was about to be rejected is by then, for its former failures.
  await live(worlds, 60);
  for (const world of worlds) Object.assign(world, { spec: { ...world.spec, retry: "once more" } });
  await live(worlds, 150);
  for (const world of worlds) {
    const stable = `${world.program}@${shared.content}`;
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable });
    expect(world.podsOf(stable).filter(({ ready }) => ready)).toHaveLength(3);
  }
}

async function make(shared: SharedConfig, worlds: readonly ConfiguredWorld[], next: Move): Promise<void> {
  const world = "who" in next ? worlds[next.who] : undefined;
  switch (next.do) {
    case "configure":
      shared.commit(next.content);
      break;
    case "push":
      world?.commit(next.program);
      break;
    case "judge":
      if (world !== undefined) reads(next.revision, next.good ? GOOD : BAD)(world);
      break;
    case "losePod":
      world?.losePod(next.pod);
      break;
    case "crash":
      if (world !== undefined) crashAfter(world, next.afterWrites);
      break;
    case "pass":
      return live(worlds, next.seconds);
  }
  await settle(worlds);
}

function crashAfter(world: ConfiguredWorld, writes: number): void {
  let left = writes;
  world.beforeWrite = (what) => {
    if (left-- > 0) return;
    world.beforeWrite = () => {};
    throw new Crash(`before ${what}`);
  };
}

async function live(worlds: readonly ConfiguredWorld[], seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await settle(worlds);
    for (const world of worlds) world.pass(1_000);
  }
}

async function settle(worlds: readonly ConfiguredWorld[]): Promise<void> {
  for (const world of worlds) {
    await work(world, assertNoneStopped);
    const wrong = world.startPods();
    if (wrong.length > 0) throw new Error(`${wrong.join("; ")}\n${world.log.join("\n")}`);
  }
}
