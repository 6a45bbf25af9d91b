import { z } from "zod";
import { atLeast, duration } from "./common.ts";

const limit = z
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

const metric = z
  .object({
    name: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
    successRate: z
      .object({ min: z.number().min(0).max(100) })
      .optional()
      .describe("successRate: built in; the percentage of requests answered below 500, by the usual HTTP metrics."),
    minRequests: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe("minRequests: with successRate; fewer requests in the window are no data."),
    query: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        "query: PromQL with one result; {{candidate}} and {{stable}} become label matchers, {{window}} the window.",
      ),
    limit: limit.optional().describe("limit: what the query's value is held against."),
    failures: z
      .int()
      .min(1)
      .max(100)
      .default(2)
      .describe("failures: how many failed measurements of one revision reject it."),
    needsTraffic: z
      .boolean()
      .default(false)
      .describe(
        "needsTraffic: not measured while the candidate has weight 0, when no user's request tells anything about it.",
      ),
    window: duration.default("1m").describe("window: the range that {{window}} and successRate look back over."),
  })
  .meta({
    "x-kubernetes-validations": [
      { rule: "has(self.successRate) != has(self.query)", message: "a metric has either successRate or query" },
      {
        rule: "!has(self.minRequests) || has(self.successRate)",
        message: "minRequests goes with successRate; a query can hold itself against a count",
      },
      {
        rule: "has(self.query) == has(self.limit)",
        message: "a query needs a limit with min or max, and only a query takes one",
      },
    ],
  });
export type Metric = Readonly<z.infer<typeof metric>>;

/** What a candidate is judged by. */
export const analysis = z.object({
  prometheus: z.object({
    address: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^https?:\/\//)
      .describe("address: of Prometheus, http:// or https://."),
  }),
  interval: atLeast("1s").default("30s").describe("interval: time between two measurements."),
  deadline: duration
    .default("10m")
    .describe(
      "deadline: how long a step may stay without data or without Prometheus before the candidate is rejected.",
    ),
  metrics: z
    .array(metric)
    .min(1)
    .max(20)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
});
