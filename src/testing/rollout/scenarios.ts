import { capacityScenarios } from "./scenariosCapacity.ts";
import { gateScenarios } from "./scenariosGates.ts";
import { judgedScenarios } from "./scenariosJudged.ts";
import { routedScenarios } from "./scenariosRouted.ts";
import { BAD, BASE, GOOD, JUDGED, push, ROLLING, reads, remove, type Scenario, set, starts, world } from "./words.ts";

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
  {
    name: "frozen-until-the-window-is-over",
    world: world({ ...JUDGED, freezes: [{ from: "00:00", to: "00:01", reason: "the shop's busiest minute" }] }),
    happenings: [push(15, "v2")],
    seconds: 110,
  },
  {
    name: "frozen-in-mid-rollout-then-reverted",
    world: world(JUDGED),
    happenings: [
      push(15, "v2"),
      set(25, "freeze", { freezes: [{ from: "00:00", to: "00:10" }] }),
      push(60, "v1", "revert to"),
    ],
    seconds: 80,
  },
  ...judgedScenarios,
  ...routedScenarios,
  ...capacityScenarios,
  ...gateScenarios,
];
