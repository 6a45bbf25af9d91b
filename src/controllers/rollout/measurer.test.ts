import { expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { cursor } from "../../api/v1alpha1/cursor.ts";
import type { Judgement } from "../../core/analysis/judge.ts";
import type { Metrics, Question } from "../../ports/metrics.ts";
import { SimWorld } from "../../testing/rollout/world.ts";
import { Measurer } from "./measurer.ts";
import type { Observed } from "./reconcile.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const ENTERED = new Date(NOW - 90_000).toISOString();
const CURSOR = cursor.parse({
  stage: "Stepping",
  stable: "st4b",
  candidate: "c4nd",
  step: 0,
  steps: 2,
  weight: 20,
  selection: { kind: "Serving" },
  replicas: 4,
  enteredAt: ENTERED,
  startedAt: ENTERED,
  inPlaceAt: ENTERED,
  peak: 20,
});

type Answers = { [Verb in keyof Metrics]?: (question: Question) => Awaited<ReturnType<Metrics[Verb]>> };

/** One round of measurements of one metric, with every question that it took. */
async function round(metric: Record<string, Json>, answers: Answers) {
  const asked: Question[] = [];
  const none = { kind: "NoData", message: "not asked for" } as const;
  const metrics: Metrics = {
    query: async (_address, question) => {
      asked.push(question);
      return answers.query?.(question) ?? none;
    },
    series: async (_address, question) => {
      asked.push(question);
      return answers.series?.(question) ?? none;
    },
  };
  const landed = Promise.withResolvers<void>();
  const measurer = new Measurer(
    metrics,
    () => landed.resolve(),
    () => NOW,
    new AbortController().signal,
  );
  const analysis = { prometheus: { address: "http://prometheus:9090" }, metrics: [{ name: "m", ...metric }] };
  const world = new SimWorld({ template: "v1", replicas: 4, spec: { analysis } });
  const observed: Observed | undefined = world.observe();
  if (observed === undefined) throw new Error("there is no rollout");
  expect(measurer.take("shop/web", observed, CURSOR)).toBeUndefined();
  await landed.promise;
  const [judgement] = measurer.take("shop/web", observed, CURSOR) ?? [];
  return { judgement: judgement as Judgement, asked };
}

const isCandidate = ({ query }: Question) => query.includes("web-c4nd-");
const p99 = { query: "p99{ {{candidate}} }", window: "30s" };

test("an absolute limit takes one question, which looks back no further than its window", async () => {
  const { judgement, asked } = await round(
    { ...p99, limit: { max: 1 } },
    { query: () => ({ kind: "Value", value: 0.5, at: NOW }) },
  );
  expect(judgement).toMatchObject({ outcome: "Pass", value: 0.5 });
  expect(asked).toEqual([{ query: expect.stringContaining("web-c4nd-"), lookbackMs: 30_000, timeoutMs: 10_000 }]);
});

test("a relative limit asks the same of stable, for the moment of the first answer", async () => {
  const at = NOW - 1_234;
  const { judgement, asked } = await round(
    { ...p99, relative: { maxRatio: 1.1 } },
    { query: (question) => ({ kind: "Value", value: isCandidate(question) ? 2 : 1, at }) },
  );
  expect(judgement).toMatchObject({ outcome: "Fail", message: expect.stringContaining("m is 2, stable's 1") });
  expect(asked.map(isCandidate)).toEqual([true, false]);
  expect(asked.map((question) => question.at)).toEqual([undefined, at]);
  expect(asked[1]?.query).toBe(asked[0]?.query.replace("web-c4nd-", "web-st4b-"));
});

test("stable is not asked where the candidate has no value, and an old answer is none", async () => {
  const { judgement, asked } = await round(
    { ...p99, relative: { maxRatio: 1.1 } },
    { query: () => ({ kind: "Value", value: 1, at: NOW - 31_000 }) },
  );
  expect(judgement).toMatchObject({ outcome: "NoData", message: expect.stringContaining("31 s old") });
  expect(asked).toHaveLength(1);
});

test("a statistical limit counts what both have had since the step began, up to one moment", async () => {
  const counts = (all: number, good: number) => ({
    kind: "Series" as const,
    at: NOW - 500,
    series: [
      { labels: { count: "all" }, value: all },
      { labels: { count: "good" }, value: good },
    ],
  });
  const { judgement, asked } = await round(
    { successRate: {}, statistical: {} },
    { series: (question) => (isCandidate(question) ? counts(1_000, 900) : counts(9_000, 9_000)) },
  );
  expect(judgement).toMatchObject({
    outcome: "Fail",
    message: expect.stringContaining("10 % of the candidate's 1000"),
  });
  expect(asked.map(isCandidate)).toEqual([true, false]);
  expect(asked.map((question) => question.at)).toEqual([undefined, NOW - 500]);
  expect(new Set(asked.flatMap(({ query }) => query.match(/\[\d+ms\]/g)))).toEqual(new Set(["[90000ms]"]));
});

test("a Prometheus that goes away between the two questions is an error of Prometheus", async () => {
  const { judgement } = await round(
    { ...p99, relative: { maxRatio: 1.1 } },
    {
      query: (question) =>
        isCandidate(question) ? { kind: "Value", value: 1, at: NOW } : { kind: "ProviderError", message: "refused" },
    },
  );
  expect(judgement).toMatchObject({ outcome: "ProviderError", message: "m: stable: refused" });
});
