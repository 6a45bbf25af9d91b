import { z } from "zod";
import type { Manifest } from "../objects.ts";
import { analysis } from "./analysis.ts";
import { conditions, duration, objectName, share, time } from "./common.ts";
import { cursor, origin } from "./cursor.ts";
import { freeze } from "./freeze.ts";
import { webhook } from "./webhooks.ts";

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

const canary = z
  .object({
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
        "maxSurge: how many pods more than the replicas both tracks may have with stableCapacity Shared, a number or a percentage; a step that needs more is taken in parts. A way back may need more. Default: 25%.",
      ),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(self.maxSurge) || self.stableCapacity == 'Shared'",
        message:
          "maxSurge goes with stableCapacity: Shared; with Full, stable keeps its pods beside all of the candidate's",
      },
    ],
  });

const rolling = z.object({
  batch: pods.default(1).describe("batch: pods replaced at a time, a number or a percentage of the replicas."),
  hold: duration.default("0s").describe("hold: how long each batch serves before the next."),
});

const blueGreen = z.object({
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

/** A rollout is bound to what it took over: another target is another rollout. */
function fixed(field: string) {
  return {
    rule: "self.name == oldSelf.name",
    message: `${field} cannot be changed; commit a ProgressiveRollout of another name, and remove this one`,
  };
}

export const rolloutSpec = z.object({
  replicas: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe(
      "replicas: written through the scale subresource, also by a HorizontalPodAutoscaler. Default: what Git says, else what ran.",
    ),
  workloadRef: z
    .object({ kind: z.literal("Deployment").default("Deployment"), name: objectName })
    .meta({ "x-kubernetes-validations": [fixed("workloadRef")] })
    .describe("workloadRef: the Deployment to roll out, as Git has it."),
  serviceRef: z
    .object({ name: objectName })
    .meta({ "x-kubernetes-validations": [fixed("serviceRef")] })
    .describe("serviceRef: the Service that callers use."),
  routeRefs: z
    .array(z.object({ kind: z.enum(["HTTPRoute", "GRPCRoute"]).default("HTTPRoute"), name: objectName }))
    .max(10)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["kind", "name"] })
    .default([])
    .describe(
      "routeRefs: routes of Gateway API that split requests by weight, wherever a rule's backendRef names the Service. Without them, requests follow the share of pods.",
    ),
  strategy: z
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
    .describe("strategy: canary, rolling or blueGreen. Default: rolling, one pod at a time."),
  analysis: analysis
    .optional()
    .describe("analysis: what the candidate is judged by. Without it, readiness and hold times decide."),
  rollback: z
    .object({
      window: z
        .object({
          revisions: z.int().min(0).max(20).default(3),
          duration: duration.default("72h"),
        })
        .default({ revisions: 3, duration: "72h" }),
    })
    .default({ window: { revisions: 3, duration: "72h" } })
    .describe("rollback: which earlier stable revisions come back at once, without analysis."),
  config: z
    .object({
      secrets: z
        .enum(["Exclude", "Include"])
        .default("Exclude")
        .describe(
          "secrets: Include makes the Secrets that pods use a part of the revision, as ConfigMaps are; the operator must be allowed to copy them. Annotate those that are rotated with fairlead.dev/config: shared.",
        ),
    })
    .default({ secrets: "Exclude" })
    .describe("config: what besides the pod template is a part of a revision."),
  scaleDownDelaySeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(300)
    .describe("scaleDownDelaySeconds: how long the former stable revision keeps its pods after a promotion."),
  progressDeadlineSeconds: z
    .int()
    .min(5)
    .max(86_400)
    .default(600)
    .describe(
      "progressDeadlineSeconds: how long pods of the candidate may take to become ready before it is rejected; time in which no operator runs does not count.",
    ),
  settleSeconds: z
    .int()
    .min(1)
    .max(600)
    .default(5)
    .describe("settleSeconds: time that endpoints get to reach every node before anything that served is stopped."),
  paused: z.boolean().default(false).describe("paused: no further step; a way back is never held up."),
  freezes: z
    .array(freeze)
    .max(16)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .default([])
    .describe(
      "freezes: times of the week in which nothing starts, steps up or is promoted; a way back is never held up.",
    ),
  webhooks: z
    .array(webhook)
    .max(8)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .default([])
    .describe(
      "webhooks: asked before the rollout goes on, or told of what it does; a way back is never held up by one.",
    ),
  approvedRevision: z
    .string()
    .max(63)
    .optional()
    .describe("approvedRevision: the revision that may pass the approval steps; it approves no other."),
  retry: z.string().max(64).optional().describe("retry: any new value gives a rejected revision another try."),
});

const rolloutHistory = z.object({
  revision: z.string().max(63),
  commit: origin.shape.commit.optional(),
  author: origin.shape.author,
  outcome: z.enum(["Adopted", "Promoted", "Rejected", "Cancelled", "Superseded", "RolledBack", "Rescued"]),
  reason: z.string().max(64).optional().describe("reason: why it ended so, a reason of the table."),
  message: z.string().max(1024),
  startedAt: time,
  finishedAt: time,
  duration: z.string().max(32).optional().describe("duration: from startedAt to finishedAt, such as 12m30s."),
  peakWeight: share.describe("peakWeight: the highest weight that was wanted for it, in percent."),
  peakShare: share
    .optional()
    .describe(
      "peakShare: the highest share that it was seen to have, in percent: of requests by routes, else of the serving pods.",
    ),
});
export type RolloutHistoryEntry = Readonly<z.infer<typeof rolloutHistory>>;

export const rolloutStatus = z.object({
  observedGeneration: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  conditions: conditions.optional(),
  replicas: z
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .describe("replicas: pods of all revisions, for the scale subresource."),
  selector: z.string().max(4096).optional().describe("selector: of those pods, for the scale subresource."),
  step: z.string().max(32).optional().describe("step: of how many, such as 2/4."),
  weight: share.optional().describe("weight: the candidate's wanted share, in percent."),
  share: share
    .optional()
    .describe("share: what the candidate has now, in percent: of requests by routes, else of the serving pods."),
  rollout: cursor.optional(),
  history: z
    .array(rolloutHistory)
    .max(10)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe("history: the last ten rollouts, newest first."),
});

export type RolloutSpec = Readonly<z.infer<typeof rolloutSpec>>;
export type RolloutStatus = Readonly<z.infer<typeof rolloutStatus>>;

/** A ProgressiveRollout as read: the spec parsed with its defaults. */
export interface ProgressiveRollout {
  readonly object: Manifest;
  readonly spec: RolloutSpec;
  readonly status: RolloutStatus;
}

/** Parsed as one, so that a complaint names the field from the top. */
const stored = z.object({ spec: rolloutSpec, status: rolloutStatus });

/**
 * Parses a stored ProgressiveRollout leniently: unknown fields are ignored.
 * Throws a ZodError for an impossible spec or status: a cursor that can't be read must never be taken for none.
 */
export function parseRollout(object: Manifest): ProgressiveRollout {
  return { object, ...stored.parse({ spec: object["spec"], status: object["status"] ?? {} }) };
}
