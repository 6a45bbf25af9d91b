import {
  ANALYSIS,
  BAD,
  BASE,
  BLUE_GREEN,
  JUDGED,
  push,
  ROUTED,
  reads,
  remove,
  type Scenario,
  set,
  world,
} from "./words.ts";
import type { SimWorld } from "./world.ts";

/** Stories of a candidate at full size, and of requests that routes share. */
export const routedScenarios: readonly Scenario[] = [
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
  {
    name: "routed-audience-before-any-request",
    world: world({
      ...ROUTED,
      strategy: {
        canary: {
          audience: [{ header: { name: "x-beta", value: "yes" } }, { cookie: { name: "beta", value: "yes" } }],
          steps: [{ approval: {} }, { weight: 50, hold: "5s" }],
        },
      },
    }),
    happenings: [push(15, "v2"), set(40, "approve v2", { approvedRevision: "v2" })],
    seconds: 100,
  },
  {
    name: "routed-audience-reverted",
    world: world({
      ...ROUTED,
      strategy: {
        canary: { audience: [{ header: { name: "x-beta", value: "yes" } }], steps: [{ weight: 20, hold: "1m" }] },
      },
    }),
    happenings: [push(15, "v2"), push(40, "v1", "revert to")],
    seconds: 60,
  },
  {
    name: "routed-sticky-promoted",
    world: world({
      ...ROUTED,
      strategy: {
        canary: {
          sticky: {},
          steps: [
            { weight: 10, hold: "5s" },
            { weight: 50, hold: "5s" },
          ],
        },
      },
    }),
    happenings: [push(15, "v2")],
    seconds: 90,
  },
  {
    name: "routed-sticky-rejected",
    world: world(
      { ...ROUTED, strategy: { canary: { sticky: {}, steps: [{ weight: 10, hold: "5s" }, { weight: 50 }] } } },
      reads("v2", BAD),
    ),
    happenings: [push(15, "v2")],
    seconds: 60,
  },
  {
    name: "routed-blue-green-preview-by-header",
    world: world({
      ...ROUTED,
      strategy: { blueGreen: { audience: [{ header: { name: "x-preview", value: "1" } }], hold: "5s", watch: "5s" } },
    }),
    happenings: [push(15, "v2")],
    seconds: 90,
  },
  {
    name: "routed-refused-by-its-gateway",
    world: world({ ...ROUTED, strategy: { canary: { sticky: {}, steps: [{ weight: 10, hold: "5s" }] } } }),
    happenings: [
      push(15, "v2"),
      {
        at: 22,
        what: "the Gateway refuses filters at backends",
        act: (w) => Object.assign(w, { refusal: "is refused by Gateway gate (UnsupportedValue): filters" }),
      },
      push(40, "v1", "revert to"),
    ],
    seconds: 60,
  },
  {
    name: "routed-fought-over",
    world: world({ ...ROUTED, strategy: { canary: { steps: [{ weight: 20, hold: "10s" }] } } }),
    happenings: [
      push(15, "v2"),
      ...Array.from({ length: 12 }, (_, index) => ({
        at: 22 + 3 * index,
        what: "another tool applies the route as it is in Git",
        act: (w: SimWorld) => {
          w.route = "Git";
          w.follow();
        },
      })),
    ],
    seconds: 130,
  },
  {
    name: "routed-canary-below-one-percent",
    world: world({
      ...ROUTED,
      strategy: {
        canary: {
          steps: [
            { weight: 0.5, hold: "5s" },
            { weight: 99.5, hold: "5s" },
          ],
        },
      },
    }),
    happenings: [push(15, "v2")],
    seconds: 90,
  },
  { name: "routed-rolling", world: world({ ...ROUTED, strategy: {} }), happenings: [push(15, "v2")], seconds: 110 },
];
