import { z } from "zod";
import { audience } from "./audience.ts";
import { duration, objectName, share } from "./common.ts";

const step = z
  .object({
    weight: share
      .meta({
        // A schema's multipleOf is of no use: the API server cuts it to 0 for every whole number.
        "x-kubernetes-validations": [
          {
            rule: "[self * 10.0 - double(int(self * 10.0 + 0.5))].all(d, d > -0.000001 && d < 0.000001)",
            message: "is given to a tenth of a percent at most",
          },
        ],
      })
      .optional()
      .describe(
        "weight: the candidate's share of requests in this step, in percent, to a tenth: 0.5. Without routes it is rounded to what whole pods can do.",
      ),
    hold: duration.optional().describe("hold: how long the weight stays in place at least. Default: 0s."),
    approval: z
      .object({})
      .optional()
      .describe("approval: the weight before is held until a commit sets spec.approvedRevision to the candidate."),
  })
  .meta({
    "x-kubernetes-validations": [
      { rule: "has(self.weight) != has(self.approval)", message: "a step has either weight or approval" },
      {
        rule: "!has(self.hold) || has(self.weight)",
        message: "hold goes with weight; an approval has no time of its own",
      },
    ],
  });

/** Pods, as a number or a percentage of the replicas. */
const pods = z
  .union([
    z.int().min(1).max(10_000),
    z
      .string()
      .max(4)
      .regex(/^([1-9][0-9]?|100)%$/),
  ])
  .meta({ "x-kubernetes-int-or-string": true });

/** A sticky step takes a backendRef for each weight before and after it, and a rule has room for 16. */
const MOST_STICKY_STEPS = 14;

const canary = z
  .object({
    audience: audience.optional(),
    sticky: z
      .object({})
      .optional()
      .describe(
        "sticky: a cookie keeps each user on one track in a step, and from step to step moves users towards the candidate only; it is void when the rollout has ended. Needs routeRefs.",
      ),
    steps: z
      .array(step)
      .min(1)
      .max(32)
      .meta({
        "x-kubernetes-list-type": "atomic",
        "x-kubernetes-validations": [
          {
            rule: "self.filter(s, has(s.weight)).map(s, s.weight).isSorted() && self.filter(s, has(s.weight)).all(s, self.exists_one(t, has(t.weight) && t.weight == s.weight))",
            message: "steps are in ascending order of weight, each weight once",
          },
          {
            rule: "self.filter(s, has(s.approval)).size() <= 1",
            message: "there is one approval at most: it names a revision, and would pass every other one too",
          },
        ],
      })
      .describe("steps: taken one after the other; after the last one the candidate is promoted."),
    stableCapacity: z
      .enum(["Full", "Shared"])
      .default("Full")
      .describe(
        "stableCapacity: Full keeps all pods of stable, so that a way back needs no start. Shared lowers stable as the candidate grows; a way back starts its pods first.",
      ),
    maxSurge: pods
      .optional()
      .describe(
        "maxSurge: how many pods more than the replicas both tracks may have with stableCapacity Shared, a number or a percentage; a step that needs more is taken in parts. A way back may need more, and so may requests that another tool sends back to stable. Default: 25%.",
      ),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(self.maxSurge) || self.stableCapacity == 'Shared'",
        message:
          "maxSurge goes with stableCapacity: Shared; with Full, stable keeps its pods beside all of the candidate's",
      },
      {
        rule: `!has(self.sticky) || self.steps.size() <= ${MOST_STICKY_STEPS}`,
        message: `a sticky canary has ${MOST_STICKY_STEPS} steps at most: a rule of a route has room for no more`,
      },
    ],
  });

const rolling = z.object({
  batch: pods.default(1).describe("batch: pods replaced at a time, a number or a percentage of the replicas."),
  hold: duration.default("0s").describe("hold: how long each batch serves before the next."),
});

const blueGreen = z.object({
  audience: audience.optional(),
  previewService: objectName
    .optional()
    .describe(
      "previewService: name of the Service that reaches the candidate, and stable while there is none; Fairlead makes it. Default: the Service's name with -preview.",
    ),
  hold: duration
    .default("0s")
    .describe(
      "hold: how long the candidate runs at full size without users' requests, and is judged, before the switch.",
    ),
  approval: z
    .object({})
    .optional()
    .describe("approval: the switch waits until a commit sets spec.approvedRevision to the candidate."),
  watch: duration
    .default("5m")
    .describe(
      "watch: how long the candidate is judged at all traffic before it is promoted; until then stable stays at full size, and a rejection switches back at once.",
    ),
});

/** How a candidate gets its requests. */
export const strategy = z
  .object({ canary: canary.optional(), rolling: rolling.optional(), blueGreen: blueGreen.optional() })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "[has(self.canary), has(self.rolling), has(self.blueGreen)].filter(x, x).size() <= 1",
        message: "set one strategy: canary, rolling or blueGreen",
      },
    ],
  })
  .default({})
  .describe("strategy: canary, rolling or blueGreen. Default: rolling, one pod at a time.");
