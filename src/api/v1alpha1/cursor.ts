import { z } from "zod";
import { checkRun } from "./checks.ts";
import { share, time } from "./common.ts";
import { call } from "./webhooks.ts";

const hash = z.string().min(1).max(63);

/** Where a rollout can be. Each stage wants one absolute state of the cluster, and ends when that is in place. */
export const STAGES = [
  /** Stable's own Deployment is brought up beside the live one; both serve. */
  "Adopting",
  /** The Service is narrowed to stable's pods; the former ones leave it. */
  "Narrowing",
  /** The taken-over Deployment goes to 0 replicas. */
  "Emptying",
  /** No candidate; all traffic at stable. */
  "Resting",
  /** The candidate takes the weight of a step, is held there, and judged. */
  "Stepping",
  /** `toward` takes all traffic, then becomes stable: a promotion, a rollback, or a rescue. */
  "Switching",
  /** Stable takes all traffic, then the candidate goes: a rejection, a cancellation, or a superseding commit. */
  "Returning",
  /** The Deployment is brought back to full size beside stable, outside the Service. */
  "Restoring",
  /** The Service is handed from stable's pods to the Deployment's. */
  "HandingBack",
  /** All that Fairlead made is removed. */
  "Releasing",
] as const;
export type Stage = (typeof STAGES)[number];

/** What the Service selects beside what Git says. */
export const selection = z.object({
  kind: z
    .enum(["Git", "Revision", "Marked", "Serving", "Workload"])
    .describe(
      "kind: Git, nothing more; Revision, pods of one revision; Marked, those of them that are marked as serving; Serving, pods marked as serving; Workload, marked pods of the Deployment.",
    ),
  revision: hash.optional().describe("revision: with kind Revision or Marked."),
});
export type Selection = Readonly<z.infer<typeof selection>>;

/** Why all traffic moves to one revision. */
const CAUSES = ["Promoted", "RolledBack", "Rescued", "Rejected", "Cancelled", "Superseded"] as const;

/** The outcome of one measurement. */
export const OUTCOMES = ["Pass", "Fail", "NoData", "ProviderError", "Invalid"] as const;
export type Outcome = (typeof OUTCOMES)[number];

const verdict = z.object({
  name: z.string().max(63),
  revision: hash.describe("revision: the candidate that was measured; a verdict counts for no other."),
  outcome: z.enum(OUTCOMES),
  value: z.string().max(64).optional(),
  message: z.string().max(1024),
  at: time,
  since: time.describe("since: when this outcome began."),
  passes: z.int().min(0).max(1_000_000).describe("passes: in this step."),
  failures: z.int().min(0).max(1_000_000).describe("failures: of this revision in this attempt."),
});
export type Verdict = Readonly<z.infer<typeof verdict>>;

/** Where a revision comes from: names of people are for eyes, and are trusted with nothing. */
export const origin = z.object({
  commit: z.string().max(64).describe("commit: full hash, of the GitSync that applied the Deployment."),
  author: z.string().max(100).optional().describe("author: the name of the commit's author, as the commit has it."),
});
export type Origin = Readonly<z.infer<typeof origin>>;

/** The remembered place of a rollout: written before the first effect that it causes. */
export const cursor = z.object({
  stage: z.enum(STAGES),
  stable: hash,
  candidate: hash.optional(),
  toward: hash.optional().describe("toward: the revision that takes all traffic, while Switching."),
  cause: z.enum(CAUSES).optional().describe("cause: of Switching or Returning."),
  message: z.string().max(1024).optional().describe("message: the cause in words."),
  reason: z.string().max(64).optional().describe("reason: the cause in one word, a reason of the table."),
  step: z.int().min(0).max(10_000).optional().describe("step: index of the step, while Stepping."),
  steps: z.int().min(0).max(10_000).optional(),
  weight: share.describe("weight: the candidate's wanted share."),
  selection,
  split: z
    .array(z.object({ revision: hash, weight: share }))
    .max(2)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["revision"] })
    .optional()
    .describe(
      "split: shares of requests that the routes give to revisions, in percent; absent, the routes are as Git says.",
    ),
  audience: hash
    .optional()
    .describe("audience: the revision that requests of the audience go to; absent, they follow the weight."),
  replicas: z.int().min(0).max(10_000).describe("replicas: how many pods a revision with all traffic has."),
  enteredAt: time.describe("enteredAt: when this stage or step began."),
  startedAt: time.describe("startedAt: when this rollout began."),
  waitingSince: time
    .optional()
    .describe("waitingSince: since when a new revision waits for its turn among the rollouts of the namespace."),
  inPlaceAt: time.optional().describe("inPlaceAt: when what the step wants was first seen in place."),
  steadyAt: time
    .optional()
    .describe(
      "steadyAt: since when requests go where the stage wants; nothing that served is stopped before it has lasted settleSeconds.",
    ),
  unreadySince: time
    .optional()
    .describe("unreadySince: since when the candidate lacks ready pods; progressDeadlineSeconds counts from here."),
  peak: share.describe("peak: the highest weight of this candidate."),
  peakShare: share.optional().describe("peakShare: the highest share that this revision was seen to have, in percent."),
  origin: origin
    .extend({ revision: hash })
    .optional()
    .describe("origin: the commit since which Git says a revision that is not stable."),
  attempt: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .optional()
    .describe("attempt: counts the candidates of this rollout; one that is tried again is another attempt."),
  calls: z
    .array(call)
    .max(100)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .default([])
    .describe("calls: of webhooks that are to be made, and what gates have answered."),
  checks: z
    .array(checkRun)
    .max(8)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .default([])
    .describe("checks: the latest run of each check for the candidate."),
  verdicts: z
    .array(verdict)
    .max(20)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .default([]),
  measuredAt: time.optional(),
  passed: share
    .optional()
    .describe(
      "passed: the highest weight that this candidate has passed; absent, it gets no more than the first step's.",
    ),
  previous: z
    .array(z.object({ revision: hash, until: time, warmUntil: time.optional() }))
    .max(20)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["revision"] })
    .default([])
    .describe("previous: earlier stable revisions, newest first; each comes back at once until its time."),
  rejected: z
    .array(z.object({ revision: hash, message: z.string().max(1024), at: time, retry: z.string().max(64).optional() }))
    .max(10)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["revision"] })
    .default([])
    .describe("rejected: revisions that were refused, newest first; forgotten when Git goes back to stable."),
});
export type Cursor = Readonly<z.infer<typeof cursor>>;
