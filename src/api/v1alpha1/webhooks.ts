import { z } from "zod";
import { duration, objectName, share, time } from "./common.ts";

/** What a rollout tells of, or asks before. */
const WEBHOOK_EVENTS = ["Start", "Step", "Promotion", "Finished"] as const;

const name = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** An address that is told of a rollout, or asked before it goes on. */
export const webhook = z
  .object({
    name,
    url: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^https?:\/\//)
      .describe("url: http:// or https://; it gets a POST with a JSON body. No redirection is followed."),
    // Not `on`, which YAML as Kubernetes reads it takes for true.
    events: z
      .array(z.enum(WEBHOOK_EVENTS))
      .min(1)
      .max(4)
      .meta({ "x-kubernetes-list-type": "set" })
      .describe(
        "events: Start, before a candidate is brought up; Step, before each further step; Promotion, before it becomes stable; Finished, with the outcome.",
      ),
    gate: z
      .object({
        deadline: duration.default("1h").describe("deadline: how long it is asked."),
        afterDeadline: z
          .enum(["Reject", "Continue"])
          .default("Reject")
          .describe("afterDeadline: what becomes of the candidate when nothing has let it go on until then."),
      })
      .optional()
      .describe(
        "gate: the rollout goes on once it has answered 2xx; any other answer, or none, holds it and is asked again. Without it the webhook is told, and holds nothing.",
      ),
    secretRef: z
      .object({ name: objectName })
      .optional()
      .describe("secretRef: a Secret whose key token signs the body, by HMAC SHA-256 in header Fairlead-Signature."),
    timeout: duration
      .meta({
        "x-kubernetes-validations": [
          {
            rule: "!self.matches('^([0-9]{1,6}(ms|s|m|h))+$') || (duration(self) >= duration('100ms') && duration(self) <= duration('60s'))",
            message: "must be from 100ms to 60s",
          },
        ],
      })
      .default("10s")
      .describe("timeout: how long one answer may take, 100ms to 60s."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(self.gate) || !self.events.exists(e, e == 'Finished')",
        message: "a gate cannot be on Finished; when a rollout is over nothing is left to hold",
      },
    ],
  });
export type Webhook = Readonly<z.infer<typeof webhook>>;

/** A call that is to be made, written before it is made; or what a gate has answered. */
export const call = z.object({
  webhook: name,
  kind: z.enum(["Gate", "Notice"]),
  event: z.enum(WEBHOOK_EVENTS),
  revision: z.string().min(1).max(63),
  attempt: z.int().min(0).max(1_000_000_000),
  step: z.int().min(0).max(10_000).describe("step: index of the step that the event is about."),
  steps: z.int().min(0).max(10_000),
  weight: share.describe("weight: of the candidate in that step."),
  outcome: z.string().max(64).optional(),
  message: z.string().max(1024).optional(),
  at: time.describe("at: when it was due first."),
  passed: z.boolean().default(false).describe("passed: a gate has let the rollout go on; it is not asked again."),
  tries: z.int().min(0).max(1_000_000).default(0),
  triedAt: time.optional(),
  answer: z.string().max(200).optional().describe("answer: of the last try, in words."),
});
export type Call = Readonly<z.infer<typeof call>>;
