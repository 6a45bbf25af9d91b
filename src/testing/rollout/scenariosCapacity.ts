import type { Json } from "../../api/json.ts";
import type { Happening } from "./simulate.ts";
import { BASE, push, ROUTED, type Scenario, starts, world } from "./words.ts";

const SHARED: Record<string, Json> = {
  ...BASE,
  strategy: {
    canary: {
      stableCapacity: "Shared",
      maxSurge: 1,
      steps: [
        { weight: 25, hold: "5s" },
        { weight: 75, hold: "60s" },
      ],
    },
  },
};
const QUICK: Record<string, Json> = {
  ...SHARED,
  strategy: { canary: { stableCapacity: "Shared", maxSurge: 2, steps: [{ weight: 50, hold: "3s" }] } },
};
const ROUTED_SHARED: Record<string, Json> = { ...ROUTED, strategy: SHARED["strategy"] as Json };

function quota(at: number, pods: number): Happening {
  return { at, what: `a quota of ${pods} pods`, act: (w) => Object.assign(w, { quota: pods }) };
}

/** Stories of capacity: stable is lowered as the candidate grows, and what a way back does then. */
export const capacityScenarios: readonly Scenario[] = [
  { name: "shared-promoted", world: world(QUICK), happenings: [push(15, "v2")], seconds: 70 },
  {
    name: "shared-cancelled-at-75",
    world: world(SHARED, starts("v1", 6_000)),
    happenings: [push(30, "v2"), push(75, "v1", "revert to")],
    seconds: 110,
  },
  {
    name: "shared-superseded-at-75",
    world: world(SHARED, starts("v1", 6_000)),
    happenings: [push(30, "v2"), push(75, "v3")],
    seconds: 120,
  },
  {
    name: "shared-rolled-back-in-the-window",
    world: world(QUICK),
    happenings: [push(15, "v2"), push(75, "v1", "revert to")],
    seconds: 100,
  },
  {
    name: "quota-full-then-raised",
    world: world(BASE),
    happenings: [quota(15, 4), push(16, "v2"), quota(60, 8)],
    seconds: 120,
  },
  {
    name: "quota-full-on-the-way-back",
    world: world(SHARED),
    happenings: [push(15, "v2"), quota(45, 4), push(46, "v1", "revert to")],
    seconds: 90,
  },
  { name: "routed-shared-promoted", world: world(ROUTED_SHARED), happenings: [push(15, "v2")], seconds: 190 },
  {
    name: "routed-shared-cancelled-at-75",
    world: world(ROUTED_SHARED, starts("v1", 6_000)),
    happenings: [push(30, "v2"), push(100, "v1", "revert to")],
    seconds: 140,
  },
];
