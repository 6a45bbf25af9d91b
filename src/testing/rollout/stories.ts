import fc from "fast-check";
import type { Json } from "../../api/json.ts";
import type { CheckBehaviour } from "./simJobs.ts";

/** Pod templates that Git may name. */
export const TEMPLATES = ["v1", "v2", "v3", "v4"];
const READINGS = ["Value", "Bad", "NoData", "ProviderError", "Invalid"] as const;

/** What happens between two looks of the operator. */
export type Move =
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
/** Random stories of a rollout: how it is set up, what happens to it, and how it ends. */
export const story = fc.record({
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
export type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;
