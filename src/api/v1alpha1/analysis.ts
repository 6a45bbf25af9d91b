import { z } from "zod";
import { atLeast, duration } from "./common.ts";
import { limit, relative, statistical } from "./limits.ts";

const waiting = {
  deadline: duration
    .optional()
    .describe(
      "deadline: with Hold; how long it may last in one step before the candidate is rejected. Default: analysis.deadline.",
    ),
};
const onlyHoldWaits = {
  "x-kubernetes-validations": [
    { rule: "!has(self.deadline) || self.policy == 'Hold'", message: "only Hold has a deadline" },
  ],
};

export const metric = z
  .object({
    name: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
    successRate: z
      .object({ min: z.number().min(0).max(100).optional() })
      .optional()
      .describe(
        "successRate: built in; the percentage of requests answered below 500, by the usual HTTP metrics. min is an absolute limit.",
      ),
    minRequests: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        "minRequests: with successRate and latency; fewer requests are no data. Default: 100 with statistical, at each of the two; else none.",
      ),
    latency: z
      .object({
        histogram: z
          .string()
          .max(200)
          .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
          .default("http_request_duration_seconds")
          .describe("histogram: name of a classic histogram in seconds, without _bucket."),
      })
      .optional()
      .describe("latency: built in; how long requests take, by the buckets of a histogram. Goes with statistical."),
    query: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        "query: PromQL with one result; {{candidate}} and {{stable}} become label matchers, {{window}} the window.",
      ),
    limit: limit.optional().describe("limit: what the query's value is held against."),
    relative: relative
      .optional()
      .describe(
        "relative: held against stable, measured by the same query at the same moment. Not measured at weights 0 and 100, when one of the two has no users.",
      ),
    statistical: statistical
      .optional()
      .describe(
        "statistical: fails when the candidate's requests since the step began are worse than stable's by more than tolerance and chance. Not measured at weights 0 and 100.",
      ),
    noData: z
      .object({ policy: z.enum(["Hold", "Pass", "Fail"]).default("Hold"), ...waiting })
      .meta(onlyHoldWaits)
      .default({ policy: "Hold" })
      .describe(
        "noData: what a measurement without a value counts as: Hold stays at the weight, Pass goes on, Fail is a failed measurement.",
      ),
    providerError: z
      .object({ policy: z.enum(["Hold", "Fail"]).default("Hold"), ...waiting })
      .meta(onlyHoldWaits)
      .default({ policy: "Hold" })
      .describe(
        "providerError: what it counts as that Prometheus does not answer: Hold stays at the weight, Fail is a failed measurement.",
      ),
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
    window: duration
      .default("1m")
      .describe(
        "window: the range that {{window}} and successRate look back over; an older sample is no data. At least twice the scrape interval.",
      ),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "[has(self.successRate), has(self.latency), has(self.query)].filter(x, x).size() == 1",
        message: "a metric has either successRate, latency or query",
      },
      {
        rule: "!has(self.minRequests) || !has(self.query)",
        message: "minRequests goes with successRate and latency; a query can hold itself against a count",
      },
      {
        rule: "[has(self.limit), has(self.successRate) && has(self.successRate.min), has(self.relative), has(self.statistical)].filter(x, x).size() == 1",
        message: "a metric has one limit: limit with a query, successRate.min, relative or statistical",
      },
      {
        rule: "!has(self.statistical) || !has(self.query)",
        message: "statistical counts requests: it goes with successRate and latency",
      },
      {
        rule: "!has(self.latency) || (!has(self.limit) && !has(self.relative))",
        message: "latency goes with statistical; a quantile with a limit is a query",
      },
      { rule: "!has(self.limit) || has(self.query)", message: "limit goes with a query; successRate has min" },
      {
        rule: "!has(self.relative) || !has(self.query) || (self.query.matches('[{]{2} *candidate *[}]{2}') && !self.query.matches('[{]{2} *stable *[}]{2}'))",
        message: "the query of a relative limit has {{candidate}} alone: it is asked for stable too",
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
    .optional()
    .describe(
      "deadline: how long a step may be held for lack of data or of Prometheus before the candidate is rejected. Default: for ever; it is neither promoted nor taken back.",
    ),
  metrics: z
    .array(metric)
    .min(1)
    .max(20)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
});
export type Analysis = Readonly<z.infer<typeof analysis>>;
