import { z } from "zod";
import type { Manifest } from "../objects.ts";
import { analysis } from "./analysis.ts";
import { check } from "./checks.ts";
import { conditions, duration, objectName, share, time } from "./common.ts";
import { cursor, origin } from "./cursor.ts";
import { freeze } from "./freeze.ts";
import { strategy } from "./strategy.ts";
import { webhook } from "./webhooks.ts";

/** A rollout is bound to what it took over: another target is another rollout. */
function fixed(field: string) {
  return {
    rule: "self.name == oldSelf.name",
    message: `${field} cannot be changed; commit a ProgressiveRollout of another name, and remove this one`,
  };
}

const fields = z.object({
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
  strategy,
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
  checks: z
    .array(check)
    .max(8)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .default([])
    .describe(
      "checks: Jobs that test the candidate; one that fails rejects it, one that comes to nothing is never a pass.",
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

export const rolloutSpec = fields.meta({
  "x-kubernetes-validations": [
    {
      rule: "size(self.routeRefs) > 0 || !((has(self.strategy.canary) && (has(self.strategy.canary.audience) || has(self.strategy.canary.sticky))) || (has(self.strategy.blueGreen) && has(self.strategy.blueGreen.audience)))",
      message: "audience and sticky need routeRefs: without a route nothing tells one request from another",
    },
  ],
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
