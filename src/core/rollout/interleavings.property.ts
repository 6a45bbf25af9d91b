import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { reachedBy } from "../../testing/rollout/cluster.ts";
import { GateWatch } from "../../testing/rollout/gateWatch.ts";
import type { CheckBehaviour } from "../../testing/rollout/simJobs.ts";
import { assertNoneStopped, work } from "../../testing/rollout/simulate.ts";
import { Crash, SimWorld } from "../../testing/rollout/world.ts";
import { RUNS, SEED } from "../../testing/seed.ts";
import { carriedBy } from "./lowering.ts";
import { podsOf } from "./quantity.ts";
import { type Word, weightOf } from "./routes/word.ts";
import { stepsOf } from "./strategies/strategy.ts";

const TEMPLATES = ["v1", "v2", "v3", "v4"];
const READINGS = ["Value", "Bad", "NoData", "ProviderError", "Invalid"] as const;

/** What happens between two looks of the operator. */
type Move =
  | { readonly do: "push"; readonly template: string }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "disturb"; readonly pod: number; readonly seconds: number }
  | { readonly do: "read"; readonly template: string; readonly reading: (typeof READINGS)[number] }
  | { readonly do: "starts"; readonly template: string; readonly seconds: number }
  | { readonly do: "crash"; readonly afterWrites: number; readonly awaySeconds: number }
  | { readonly do: "pause"; readonly paused: boolean }
  | { readonly do: "freeze"; readonly frozen: boolean }
  | { readonly do: "answer"; readonly webhook: string; readonly accepts: boolean; readonly seconds: number }
  | { readonly do: "runs"; readonly outcome: CheckBehaviour["outcome"]; readonly seconds: number }
  | { readonly do: "killJobs" }
  | { readonly do: "turn"; readonly taken: boolean }
  | { readonly do: "retry"; readonly token: string }
  | { readonly do: "approve"; readonly template: string }
  | { readonly do: "quota"; readonly room: number }
  | { readonly do: "grow" }
  | { readonly do: "meddle" }
  | { readonly do: "shrink" };

const template = fc.constantFrom(...TEMPLATES);
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), template }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 12 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("disturb" as const),
      pod: fc.nat(20),
      seconds: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("read" as const), template, reading: fc.constantFrom(...READINGS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("starts" as const), template, seconds: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("crash" as const),
      afterWrites: fc.nat(6),
      awaySeconds: fc.constantFrom(0, 0, 0, 5, 40),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("freeze" as const), frozen: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      webhook: fc.constantFrom("desk", "chat"),
      accepts: fc.boolean(),
      seconds: fc.constantFrom(0, 0, 3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("runs" as const),
      outcome: fc.constantFrom<CheckBehaviour["outcome"]>("Passed", "Passed", "Failed", "Lost", "Never"),
      seconds: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "killJobs" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("turn" as const), taken: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retry" as const), token: fc.constantFrom("a", "b") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("approve" as const), template }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("quota" as const), room: fc.constantFrom(0, 0, 1, 100) }) },
  { weight: 1, arbitrary: fc.constant({ do: "grow" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "meddle" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "shrink" as const }) },
);

const AUDIENCE: Json = [{ header: { name: "x-beta", value: "yes" } }];
const strategy: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  {
    canary: {
      steps: [
        { weight: 0.5, hold: "6s" },
        { weight: 50, hold: "3s" },
        { weight: 80, hold: "3s" },
      ],
    },
  },
  {
    canary: {
      steps: [
        { weight: 0, hold: "2s" },
        { weight: 100, hold: "3s" },
      ],
    },
  },
  {
    canary: {
      stableCapacity: "Shared",
      maxSurge: 1,
      steps: [
        { weight: 20, hold: "2s" },
        { weight: 75, hold: "8s" },
      ],
    },
  },
  { canary: { stableCapacity: "Shared", maxSurge: "50%", steps: [{ weight: 50, hold: "4s" }] } },
  { blueGreen: { hold: "2s", watch: "4s" } },
  { blueGreen: { approval: {}, watch: "0s" } },
  { rolling: { batch: 1, hold: "2s" } },
  { rolling: { batch: "50%", hold: "0s" } },
  { canary: { steps: [{ weight: 20, hold: "2s" }, { approval: {} }, { weight: 50, hold: "2s" }] } },
  {
    canary: {
      audience: AUDIENCE,
      steps: [{ approval: {} }, { weight: 10, hold: "2s" }, { weight: 60 }],
    },
  },
  {
    canary: {
      sticky: {},
      audience: AUDIENCE,
      steps: [{ approval: {} }, { weight: 10, hold: "2s" }, { weight: 33.3, hold: "2s" }, { weight: 90, hold: "2s" }],
    },
  },
  {
    canary: {
      sticky: {},
      audience: AUDIENCE,
      stableCapacity: "Shared",
      maxSurge: 1,
      steps: [
        { weight: 20, hold: "2s" },
        { weight: 80, hold: "2s" },
      ],
    },
  },
  { blueGreen: { audience: AUDIENCE, hold: "2s", watch: "3s" } },
);

/** What the candidate is held against, and what the lack of data counts as. */
const metric: fc.Arbitrary<Record<string, Json>> = fc.constantFrom<Record<string, Json>>(
  { successRate: { min: 99.5 } },
  { successRate: { min: 99.5 } },
  { successRate: {}, relative: { minDifference: -1 } },
  { successRate: {}, statistical: {} },
  { successRate: { min: 99.5 }, noData: { policy: "Pass" } },
  { successRate: { min: 99.5 }, noData: { policy: "Fail" }, providerError: { policy: "Fail" } },
  { successRate: { min: 99.5 }, noData: { deadline: "20s" } },
);
/** How long the lack of data may last; `{}`: for ever. */
const deadline = fc.constantFrom<Record<string, Json>>({ deadline: "10s" }, {});

const routeRefs: fc.Arbitrary<Json> = fc.constantFrom<Json>([], [], [{ name: "web" }]);
const checks: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  [],
  [],
  [{ name: "smoke", cronJobRef: { name: "smoke" }, timeout: "5s" }],
  [
    { name: "smoke", cronJobRef: { name: "smoke" }, timeout: "5s" },
    { name: "deep", cronJobRef: { name: "deep" }, when: "EachStep", retries: 2, timeout: "5s" },
  ],
);
const webhooks: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  [],
  [],
  ...["Reject", "Continue"].map((afterDeadline) => [
    {
      name: "desk",
      url: "https://desk.example.com",
      events: ["Start", "Step", "Promotion"],
      gate: { deadline: "20s", afterDeadline },
    },
    { name: "chat", url: "https://chat.example.com", events: ["Start", "Step", "Promotion", "Finished"] },
  ]),
);
const lag = fc.constantFrom(0, 0, 1_000);
const story = fc.record({
  strategy,
  metric,
  deadline,
  routeRefs,
  checks,
  webhooks,
  replicas: fc.integer({ min: 1, max: 5 }),
  lags: fc.record({ controllers: lag, endpoints: lag, nodes: lag, routes: lag }),
  moves: fc.array(move, { minLength: 1, maxLength: 30 }),
  ending: fc.constantFrom("backToStable", "deleted"),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

test(`P17: ${RUNS} random interleavings keep every invariant (seed ${SEED})`, async () => {
  console.log(`interleavings: ${RUNS} runs, seed ${SEED}; repeat with FAIRLEAD_SEED=${SEED}`);
  await fc.assert(fc.asyncProperty(story, play), { numRuns: RUNS, seed: SEED, endOnFailure: false });
  expect(RUNS).toBeGreaterThan(0);
});

async function play(told: Story): Promise<void> {
  const { strategy: how, routeRefs: routes, webhooks: hooks, metric: limits, deadline: bound, replicas, lags } = told;
  const { moves, ending } = told;
  const world = new SimWorld({
    template: "v1",
    replicas,
    lags,
    spec: {
      strategy: how,
      routeRefs: routes,
      webhooks: hooks,
      checks: told.checks,
      settleSeconds: 3,
      scaleDownDelaySeconds: 20,
      progressDeadlineSeconds: 15,
      analysis: {
        prometheus: { address: "http://prometheus:9090" },
        interval: "2s",
        ...bound,
        metrics: [{ name: "errors", ...limits }],
      },
    },
  });
  const gates = new GateWatch(world);
  world.onDecision = (decision) => {
    const { kind, because } = decision;
    gates.see(decision);
    if (kind === "Hold" && because.exit === undefined) throw new Error(`a hold without an exit: ${because.reason}`);
    if (because.message === "") throw new Error("a decision without a reason in words");
  };
  await live(world, 20);
  for (const next of moves) await make(world, next);

  for (const name of TEMPLATES)
    world.behaviours.set(name, { readyAfter: 2_000, reading: { kind: "Value", value: 100 } });
  Object.assign(world, { spec: { ...world.spec, paused: false, freezes: [] }, turn: undefined });
  world.receivers.behaviours.clear();
  world.jobs.behaviours.clear();
  world.quota = Number.POSITIVE_INFINITY;
  world.watchedSince = Math.min(world.watchedSince, world.now);
  await live(world, 60);
  const stable = world.status.rollout?.stable ?? "none";
  if (ending === "deleted") Object.assign(world, { deleting: true });
  else world.push(stable);
  await live(world, 100);
  if (ending === "deleted") expectHandedBack(world);
  else {
    expectAtRest(world, stable);
    expect(world.status.rollout?.calls).toEqual([]);
    expect(gates.lost()).toEqual([]);
    const jobs = world.jobs.seen(world.now);
    expect(jobs.filter(({ state }) => state === "Running")).toEqual([]);
    expect(jobs.length).toBeLessThanOrEqual(5);
  }
}

async function make(world: SimWorld, next: Move): Promise<void> {
  switch (next.do) {
    case "push":
      world.push(next.template);
      break;
    case "pass":
      return live(world, next.seconds);
    case "disturb":
      world.disturb(next.pod, next.seconds * 1_000);
      break;
    case "read": {
      const behaviour = world.behaviour(next.template);
      const reading =
        next.reading === "Value" || next.reading === "Bad"
          ? { kind: "Value" as const, value: next.reading === "Value" ? 100 : 90 }
          : { kind: next.reading, message: "scripted" };
      world.behaviours.set(next.template, { ...behaviour, reading });
      break;
    }
    case "starts":
      world.behaviours.set(next.template, { ...world.behaviour(next.template), readyAfter: next.seconds * 1_000 });
      break;
    case "crash":
      crashAfter(world, next);
      break;
    case "pause":
      Object.assign(world, { spec: { ...world.spec, paused: next.paused } });
      break;
    case "freeze":
      Object.assign(world, { spec: { ...world.spec, freezes: next.frozen ? [{}] : [] } });
      break;
    case "answer":
      world.receivers.behaviours.set(next.webhook, { accepts: next.accepts, afterMs: next.seconds * 1_000 });
      break;
    case "runs":
      for (const name of ["smoke", "deep"])
        world.jobs.behaviours.set(name, { outcome: next.outcome, afterMs: next.seconds * 1_000 });
      break;
    case "killJobs":
      world.jobs.kill();
      break;
    case "turn":
      world.turn = { limit: 1, underWay: next.taken ? ["api"] : [], ahead: 0 };
      break;
    case "retry":
      Object.assign(world, { spec: { ...world.spec, retry: next.token } });
      break;
    case "approve":
      Object.assign(world, { spec: { ...world.spec, approvedRevision: next.template } });
      world.approved.add(next.template);
      break;
    case "quota":
      world.quota = world.pods.length + next.room;
      break;
    case "meddle":
      // Another tool applies the route as it is in Git.
      world.route = "Git";
      world.follow();
      break;
    case "shrink":
      Object.assign(world, { git: { ...world.git, replicas: Math.max(1, (world.git.replicas ?? 1) - 1) } });
      world.leastReplicas = Math.min(world.leastReplicas, world.git.replicas ?? 1);
      break;
    case "grow":
      Object.assign(world, { git: { ...world.git, replicas: Math.min(6, (world.git.replicas ?? 1) + 1) } });
      world.mostReplicas = Math.max(world.mostReplicas, world.git.replicas ?? 1);
      break;
  }
  await settle(world);
}

/** The operator dies before one of its next writes, once. */
function crashAfter(world: SimWorld, { afterWrites, awaySeconds }: Move & { readonly do: "crash" }): void {
  let left = afterWrites;
  world.beforeWrite = (what) => {
    if (left-- > 0) return;
    world.beforeWrite = () => {};
    throw new Crash(`before ${what}`, awaySeconds * 1_000);
  };
}

async function live(world: SimWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await settle(world);
    world.pass(1_000);
  }
}

/** Lets the operator do what it can. What routes say is looked at afterwards: one look may follow the other at once. */
async function settle(world: SimWorld): Promise<void> {
  await work(world, check);
  if (world.status.rollout === undefined || world.now < world.watchedSince) return;
  checkRoute(world, world.status.rollout);
  checkLowered(world, world.status.rollout);
}

function check(world: SimWorld): void {
  assertNoneStopped(world);
  const cursor = world.status.rollout;
  if (cursor?.candidate === undefined || cursor.cause === "Rescued") return;
  const steps = stepsOf(world.observe()?.seen.spec ?? { strategy: {}, routeRefs: [] }, cursor.replicas);
  const first = steps.find(({ needsApproval }) => !needsApproval);
  if (first === undefined || world.passed.has(cursor.candidate)) return;
  if (cursor.weight > first.weight && cursor.stage !== "Returning") {
    throw new Error(`weight ${cursor.weight} without a pass of ${cursor.candidate}: ${JSON.stringify(cursor)}`);
  }
  const approval = steps.findIndex(({ needsApproval }) => needsApproval);
  const beyond = approval >= 0 && cursor.stage === "Stepping" && (cursor.step ?? 0) > approval;
  if (beyond && world.status.rollout?.candidate !== undefined && !world.approved.has(cursor.candidate)) {
    throw new Error(`${cursor.candidate} went beyond an approval that it did not have: ${JSON.stringify(cursor)}`);
  }
  // Pods of a rollout that was scaled down in mid-step leave one by one, so the bound is of its largest size.
  const most =
    stepsOf(world.observe()?.seen.spec ?? { strategy: {}, routeRefs: [] }, world.mostReplicas)[0]?.sizes.candidate ?? 0;
  const serving = world.endpoints();
  const candidate = world.podsOf(cursor.candidate).filter(({ name }) => serving.has(name)).length;
  if (candidate > most && cursor.stage === "Stepping") {
    throw new Error(`${candidate} pods of ${cursor.candidate} serve without a pass: ${JSON.stringify(cursor)}`);
  }
}

/** Stable keeps the pods for what any gateway may still send there, however far it is lowered. */
function checkLowered(world: SimWorld, { stable, stage, candidate, replicas }: Cursor): void {
  const { canary } = (world.spec["strategy"] ?? {}) as {
    canary?: { stableCapacity?: string; maxSurge?: number | string };
  };
  if (canary?.stableCapacity !== "Shared" || stage !== "Stepping" || candidate === undefined) return;
  const asked = (revision: string) => world.revisions.get(revision)?.replicas ?? 0;
  const needed = world.route === "Git" ? 1 : Math.ceil((replicas * world.mostWeightOf(stable)) / 100);
  if (replicas > 0 && asked(stable) < needed)
    throw new Error(`${asked(stable)} pods of ${stable}, which may be sent what takes ${needed}`);
  // Of a rollout that was scaled the bound is of its largest size; by routes both tracks may round up.
  const most = world.mostReplicas + podsOf(canary.maxSurge ?? "25%", world.mostReplicas) + 1;
  if (asked(stable) + asked(candidate) > most)
    throw new Error(`${asked(stable)} + ${asked(candidate)} pods, where ${most} may be`);
}

/** No request goes by the route to a revision without ready pods for it, while stable has some. */
function checkRoute(world: SimWorld, { stable, stage, candidate, replicas }: Cursor): void {
  const { route } = world;
  if (route === "Git") return;
  const ready = (revision: string | undefined) => world.podsOf(revision).filter((pod) => pod.ready).length;
  for (const revision of reachedBy(route)) {
    const weight = weightOf(route, revision);
    const needed =
      stage === "Stepping" && revision === candidate ? Math.max(1, Math.ceil((replicas * weight) / 100)) : 1;
    // Where both together are too few, each pod gets the same.
    const fair = stage === "Stepping" && weight > 0 && weight <= carriedBy(ready(revision), ready(stable), replicas);
    if (revision !== stable && ready(revision) < needed && ready(stable) > 0 && !fair)
      throw new Error(`weight ${weight} by the route, but ${ready(revision)} ready pods of ${revision}`);
  }
  if (stage === "Resting" && route.chosen.length > 0)
    throw new Error(`somebody is chosen at rest: ${JSON.stringify(route)}`);
  checkTickets(world, route);
}

/** While pods of the candidate are ready, nobody who has a ticket is taken back from it by a step. */
function checkTickets(world: SimWorld, route: Word): void {
  const { stage, candidate, split } = world.status.rollout ?? {};
  if (stage !== "Stepping" || candidate === undefined || split === undefined) return;
  const mine = route.parts.filter((part) => part.revision === candidate && part.ticket !== undefined);
  const sum = mine.reduce((total, { weight }) => total + weight, 0);
  if (sum > weightOf({ parts: split, chosen: [] }, candidate) + 1e-9)
    throw new Error(`tickets for more than the weight: ${JSON.stringify(route)}`);
  const wrong = route.chosen.filter(({ revision }) => !route.parts.some((part) => part.revision === revision));
  if (wrong.some(({ revision }) => revision !== candidate)) throw new Error(`chosen for ${JSON.stringify(wrong)}`);
}

function expectAtRest(world: SimWorld, stable: string): void {
  const served = [...world.endpoints()];
  const pods = world
    .podsOf(stable)
    .filter(({ terminating }) => !terminating)
    .map(({ name }) => name);
  expect(world.status.rollout).toMatchObject({ stage: "Resting", stable, selection: { kind: "Git" } });
  expect(served.sort()).toEqual(pods.sort());
  expect(pods).toHaveLength(world.git.replicas ?? 0);
  expect(world.status.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
  expect(world.selector).toEqual({ app: "web" });
  expect(world.route).toBe("Git");
}

function expectHandedBack(world: SimWorld): void {
  expect(world.released).toBe(true);
  expect(world.revisions.size).toBe(0);
  expect(world.selector).toEqual({ app: "web" });
  expect(world.endpoints().size).toBe(world.git.replicas);
}
