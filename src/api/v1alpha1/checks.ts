import { z } from "zod";
import { atLeast, objectName, time } from "./common.ts";

const name = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** A Job that tests the candidate. */
export const check = z.object({
  name,
  cronJobRef: z
    .object({ name: objectName })
    .describe("cronJobRef: a suspended CronJob of the same namespace, whose Job is run with the candidate's address."),
  when: z
    .enum(["BeforeTraffic", "EachStep"])
    .default("BeforeTraffic")
    .describe("when: BeforeTraffic, once, before the candidate gets its first request; EachStep, in every step."),
  timeout: atLeast("1s")
    .default("10m")
    .describe("timeout: how long one run may take, from its start; a run that takes longer has come to nothing."),
  retries: z
    .int()
    .min(0)
    .max(5)
    .default(1)
    .describe(
      "retries: how many runs of one candidate are repeated that came to nothing: never started, killed, deleted or too long. One that fails rejects the candidate at once.",
    ),
  waivedRun: z
    .string()
    .max(80)
    .regex(/^[a-z0-9]+\/[0-9]+$/)
    .optional()
    .describe("waivedRun: revision and run, as the rollout's message has them, that need not have passed."),
});
export type Check = Readonly<z.infer<typeof check>>;

/** The latest run of a check for the candidate. */
export const checkRun = z.object({
  name,
  step: z.int().min(0).max(10_000),
  run: z.int().min(1).max(1_000_000).describe("run: counts the runs of this check for this candidate."),
  repeated: z.int().min(0).max(1_000_000).describe("repeated: how many of them came to nothing and were repeated."),
  state: z.enum(["Running", "Passed", "Inconclusive"]),
  begun: z.boolean().default(false).describe("begun: its Job has been seen; one that is gone is not made again."),
  message: z.string().max(300).default(""),
  since: time,
  retry: z.string().max(64).optional().describe("retry: the value of spec.retry with which it began."),
});
export type CheckRun = Readonly<z.infer<typeof checkRun>>;
