import { z } from "zod";

/** Bounds of the value itself. */
export const limit = z
  .object({
    min: z.number().min(-1e15).max(1e15).optional(),
    max: z.number().min(-1e15).max(1e15).optional(),
  })
  .meta({
    "x-kubernetes-validations": [
      { rule: "has(self.min) || has(self.max)", message: "a limit has min, max, or both" },
      { rule: "!has(self.min) || !has(self.max) || self.min <= self.max", message: "min is not above max" },
    ],
  });
export type Limit = Readonly<z.infer<typeof limit>>;

/** A ratio beyond this is a mistake. */
const ratio = z.number().min(0).max(1_000_000);
const difference = z.number().min(-1e15).max(1e15);

/** Bounds beside the same value of stable. */
export const relative = z
  .object({
    minRatio: ratio.optional().describe("minRatio: the candidate's value divided by stable's is at least this."),
    maxRatio: ratio.optional().describe("maxRatio: the candidate's value divided by stable's is at most this."),
    minDifference: difference
      .optional()
      .describe("minDifference: the candidate's value less stable's is at least this."),
    maxDifference: difference
      .optional()
      .describe("maxDifference: the candidate's value less stable's is at most this."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "has(self.minRatio) || has(self.maxRatio) || has(self.minDifference) || has(self.maxDifference)",
        message: "a relative limit has a ratio or a difference",
      },
    ],
  });
export type Relative = Readonly<z.infer<typeof relative>>;

/** A test of the candidate's requests against stable's, whose false alarms are bounded over all looks together. */
export const statistical = z.object({
  tolerance: z
    .number()
    .min(0)
    .max(50)
    .optional()
    .describe(
      "tolerance: a difference that is irrelevant, in percentage points of all requests: of those that fail, or that are slower than any one bound of the histogram. Default: 0.1 with successRate, 0.25 with latency.",
    ),
  falseAlarms: z
    .number()
    .min(0.01)
    .max(20)
    .default(1)
    .describe(
      "falseAlarms: how many of a hundred rollouts of revisions that are no worse may have a failed measurement of this metric, over all steps and looks together.",
    ),
});
