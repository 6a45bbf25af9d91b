import type { Json } from "../../api/json.ts";
import type { Reading } from "../../core/analysis/judge.ts";
import type { Happening } from "./simulate.ts";
import { SimWorld } from "./world.ts";

/** A story that a person can review: its golden log is the review. */
export interface Scenario {
  readonly name: string;
  readonly world: () => SimWorld;
  readonly happenings: readonly Happening[];
  readonly seconds: number;
}

const GOOD: Reading = { kind: "Value", value: 100 };
const BAD: Reading = { kind: "Value", value: 95 };
const STEPS: Json = [
  { weight: 20, hold: "10s" },
  { weight: 50, hold: "10s" },
];
const ANALYSIS = {
  prometheus: { address: "http://prometheus:9090" },
  interval: "5s",
  deadline: "30s",
  metrics: [{ name: "errors", successRate: { min: 99.5 } }],
};
const BASE: Record<string, Json> = {
  strategy: { canary: { steps: STEPS } },
  settleSeconds: 3,
  scaleDownDelaySeconds: 30,
  progressDeadlineSeconds: 20,
};
const JUDGED: Record<string, Json> = { ...BASE, analysis: ANALYSIS };
const ROLLING: Record<string, Json> = { ...BASE, strategy: { rolling: { batch: 1, hold: "3s" } } };
const BLUE_GREEN: Record<string, Json> = { ...JUDGED, strategy: { blueGreen: { hold: "5s", watch: "10s" } } };
const ROUTED: Record<string, Json> = { ...JUDGED, routeRefs: [{ name: "web" }] };

function world(spec: Record<string, Json>, change: (world: SimWorld) => void = () => {}): () => SimWorld {
  return () => {
    const made = new SimWorld({ template: "v1", replicas: 4, spec, lags: { nodes: 1_000 } });
    change(made);
    return made;
  };
}

function push(at: number, template: string, word = "push"): Happening {
  return { at, what: `${word} ${template}`, act: (w) => w.push(template) };
}

function set(at: number, what: string, spec: Record<string, Json>): Happening {
  return { at, what, act: (w) => Object.assign(w, { spec: { ...w.spec, ...spec } }) };
}

function reads(template: string, reading: Reading): (w: SimWorld) => void {
  return (w) => w.behaviours.set(template, { readyAfter: 2_000, reading });
}

function starts(template: string, readyAfter: number): (w: SimWorld) => void {
  return (w) => w.behaviours.set(template, { readyAfter, reading: GOOD });
}

const remove = (at: number): Happening => ({
  at,
  what: "delete the ProgressiveRollout",
  act: (w) => Object.assign(w, { deleting: true }),
});

/** Every scenario with a golden log. */
export const scenarios: readonly Scenario[] = [
  { name: "adoption", world: world(BASE), happenings: [], seconds: 20 },
  { name: "adoption-of-slow-pods", world: world(BASE, starts("v1", 15_000)), happenings: [], seconds: 40 },
  { name: "canary-promoted", world: world(JUDGED), happenings: [push(15, "v2")], seconds: 90 },
  { name: "canary-rejected", world: world(JUDGED, reads("v2", BAD)), happenings: [push(15, "v2")], seconds: 60 },
  {
    name: "canary-rejected-then-reverted-then-retried",
    world: world(JUDGED, reads("v2", BAD)),
    happenings: [push(15, "v2"), push(50, "v1", "revert to"), push(60, "v2")],
    seconds: 100,
  },
  {
    name: "rejected-retry-by-spec",
    world: world(JUDGED, reads("v2", BAD)),
    happenings: [
      push(15, "v2"),
      { at: 50, what: "heal v2", act: reads("v2", GOOD) },
      set(51, "set spec.retry", { retry: "again" }),
    ],
    seconds: 110,
  },
  {
    name: "cancelled-at-50",
    world: world(JUDGED),
    happenings: [push(15, "v2"), push(35, "v1", "revert to")],
    seconds: 60,
  },
  {
    name: "rolled-back-warm",
    world: world(JUDGED),
    happenings: [push(15, "v2"), push(65, "v1", "revert to")],
    seconds: 90,
  },
  {
    name: "rolled-back-cold",
    world: world(BASE),
    happenings: [push(15, "v2"), push(100, "v1", "revert to")],
    seconds: 120,
  },
  { name: "superseded", world: world(JUDGED), happenings: [push(15, "v2"), push(35, "v3")], seconds: 110 },
  {
    name: "never-ready",
    world: world(BASE, starts("v2", Number.POSITIVE_INFINITY)),
    happenings: [push(15, "v2")],
    seconds: 60,
  },
  {
    name: "no-data-holds-then-rejects",
    world: world(JUDGED, reads("v2", { kind: "NoData", message: "the query has no result" })),
    happenings: [push(15, "v2")],
    seconds: 80,
  },
  {
    name: "prometheus-away-and-back",
    world: world(JUDGED, reads("v2", { kind: "ProviderError", message: "connection refused" })),
    happenings: [push(15, "v2"), { at: 35, what: "Prometheus is back", act: reads("v2", GOOD) }],
    seconds: 90,
  },
  {
    name: "broken-query-holds-until-corrected",
    world: world(JUDGED, reads("v2", { kind: "Invalid", message: "parse error" })),
    happenings: [push(15, "v2"), { at: 70, what: "correct the query in Git", act: reads("v2", GOOD) }],
    seconds: 120,
  },
  {
    name: "paused-then-reverted",
    world: world(JUDGED),
    happenings: [push(15, "v2"), set(25, "pause", { paused: true }), push(60, "v1", "revert to")],
    seconds: 80,
  },
  {
    name: "paused-then-resumed",
    world: world(BASE),
    happenings: [push(15, "v2"), set(20, "pause", { paused: true }), set(50, "resume", { paused: false })],
    seconds: 90,
  },
  { name: "rolling", world: world(ROLLING), happenings: [push(15, "v2")], seconds: 90 },
  {
    name: "rolling-cancelled",
    world: world(ROLLING),
    happenings: [push(15, "v2"), push(40, "v1", "revert to")],
    seconds: 80,
  },
  {
    name: "above-half",
    world: world({
      ...BASE,
      strategy: {
        canary: {
          steps: [
            { weight: 80, hold: "5s" },
            { weight: 100, hold: "5s" },
          ],
        },
      },
    }),
    happenings: [push(15, "v2")],
    seconds: 70,
  },
  {
    name: "dark-first-step",
    world: world({
      ...BASE,
      strategy: {
        canary: {
          steps: [
            { weight: 0, hold: "5s" },
            { weight: 50, hold: "5s" },
          ],
        },
      },
    }),
    happenings: [push(15, "v2")],
    seconds: 70,
  },
  {
    name: "rescue-of-a-broken-stable",
    world: world(JUDGED),
    happenings: [
      {
        at: 15,
        what: "v1 breaks",
        act: (w) => {
          starts("v1", Number.POSITIVE_INFINITY)(w);
          for (const pod of w.pods) Object.assign(pod, { readyAt: Number.POSITIVE_INFINITY });
        },
      },
      push(16, "v2"),
    ],
    seconds: 40,
  },
  { name: "handed-back-at-rest", world: world(BASE), happenings: [remove(15)], seconds: 40 },
  { name: "handed-back-mid-rollout", world: world(JUDGED), happenings: [push(15, "v2"), remove(35)], seconds: 70 },
  {
    name: "scaled-mid-rollout",
    world: world(BASE),
    happenings: [push(15, "v2"), set(25, "scale to 6", { replicas: 6 }), set(36, "scale to 3", { replicas: 3 })],
    seconds: 100,
  },
  {
    name: "rolled-back-warm-after-a-rejection",
    world: world({ ...JUDGED, scaleDownDelaySeconds: 300 }, reads("v3", BAD)),
    happenings: [push(15, "v2"), push(60, "v3"), push(90, "v2", "revert to"), push(100, "v1", "revert to")],
    seconds: 110,
  },
  {
    name: "approved-by-commit",
    world: world({
      ...JUDGED,
      strategy: { canary: { steps: [{ weight: 20, hold: "5s" }, { approval: {} }, { weight: 50, hold: "5s" }] } },
    }),
    happenings: [
      push(15, "v2"),
      set(40, "approve another revision", { approvedRevision: "v3" }),
      set(50, "approve v2", { approvedRevision: "v2" }),
    ],
    seconds: 90,
  },
  {
    name: "rejected-while-it-waits-for-approval",
    world: world({ ...JUDGED, strategy: { canary: { steps: [{ weight: 20 }, { approval: {} }] } } }),
    happenings: [push(15, "v2"), { at: 35, what: "v2 goes bad", act: reads("v2", BAD) }],
    seconds: 70,
  },
  {
    name: "approval-before-any-request",
    world: world({ ...JUDGED, strategy: { canary: { steps: [{ approval: {} }, { weight: 50, hold: "3s" }] } } }),
    happenings: [
      push(15, "v2"),
      push(40, "v1", "revert to"),
      push(50, "v2"),
      set(60, "approve v2", { approvedRevision: "v2" }),
    ],
    seconds: 120,
  },
  {
    name: "scaled-at-rest",
    world: world(BASE),
    happenings: [set(15, "scale to 2", { replicas: 2 }), set(30, "scale to 3", { replicas: 3 })],
    seconds: 40,
  },
  {
    name: "promotion-reverted-before-it-settled",
    world: world(BASE),
    happenings: [push(15, "v2"), push(46, "v1", "revert to")],
    seconds: 70,
  },
  { name: "blue-green-promoted", world: world(BLUE_GREEN), happenings: [push(15, "v2")], seconds: 80 },
  {
    name: "blue-green-refused-before-the-switch",
    world: world(BLUE_GREEN, reads("v2", BAD)),
    happenings: [push(15, "v2"), push(60, "v1", "revert to")],
    seconds: 70,
  },
  {
    name: "blue-green-switched-back",
    world: world(BLUE_GREEN),
    happenings: [push(15, "v2"), { at: 23, what: "v2 goes bad under traffic", act: reads("v2", BAD) }],
    seconds: 70,
  },
  {
    name: "blue-green-cancelled-after-the-switch",
    world: world(BLUE_GREEN),
    happenings: [push(15, "v2"), push(27, "v1", "revert to")],
    seconds: 70,
  },
  {
    name: "blue-green-switched-by-commit",
    world: world({ ...JUDGED, strategy: { blueGreen: { approval: {}, watch: "5s" } } }),
    happenings: [push(15, "v2"), set(40, "approve v2", { approvedRevision: "v2" })],
    seconds: 80,
  },
  {
    name: "blue-green-judged-by-users-alone",
    world: world({
      ...BASE,
      strategy: { blueGreen: { watch: "10s" } },
      analysis: { ...ANALYSIS, metrics: [{ name: "errors", successRate: { min: 99.5 }, needsTraffic: true }] },
    }),
    happenings: [push(15, "v2")],
    seconds: 80,
  },
  { name: "routed-canary-promoted", world: world(ROUTED), happenings: [push(15, "v2")], seconds: 100 },
  {
    name: "routed-canary-rejected",
    world: world(ROUTED, reads("v2", BAD)),
    happenings: [push(15, "v2"), push(70, "v1", "revert to")],
    seconds: 80,
  },
  {
    name: "routed-canary-cancelled-at-50",
    world: world(ROUTED),
    happenings: [push(15, "v2"), push(45, "v1", "revert to")],
    seconds: 70,
  },
  {
    name: "routed-superseded",
    world: world(ROUTED),
    happenings: [push(15, "v2"), push(45, "v3")],
    seconds: 130,
  },
  {
    name: "routed-rolled-back-warm",
    world: world(ROUTED),
    happenings: [push(15, "v2"), push(85, "v1", "revert to")],
    seconds: 110,
  },
  {
    name: "routed-candidate-loses-pods",
    world: world(ROUTED),
    happenings: [
      push(15, "v2"),
      {
        at: 40,
        what: "one pod of v2 loses readiness for 6 s",
        act: (w) => {
          const pod = w.pods.find(({ revision }) => revision === "v2");
          if (pod !== undefined) pod.readyAt = w.now + 6_000;
          w.follow();
        },
      },
    ],
    seconds: 110,
  },
  {
    name: "routed-blue-green",
    world: world({ ...ROUTED, strategy: { blueGreen: { hold: "5s", watch: "10s" } } }),
    happenings: [push(15, "v2")],
    seconds: 90,
  },
  {
    name: "routed-handed-back-mid-rollout",
    world: world(ROUTED),
    happenings: [push(15, "v2"), remove(45)],
    seconds: 90,
  },
  { name: "routed-rolling", world: world({ ...ROUTED, strategy: {} }), happenings: [push(15, "v2")], seconds: 110 },
];
