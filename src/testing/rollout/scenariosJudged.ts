import type { Json } from "../../api/json.ts";
import type { Reading } from "../../core/analysis/judge.ts";
import { ANALYSIS, BAD, GOOD, JUDGED, push, reads, type Scenario, world } from "./words.ts";

const NONE: Reading = { kind: "NoData", message: "the query has no result" };
const judgedBy = (metric: Record<string, Json>): Record<string, Json> => ({
  ...JUDGED,
  analysis: { ...ANALYSIS, metrics: [{ name: "errors", successRate: {}, ...metric }] },
});
const STATISTICAL = judgedBy({ statistical: {} });
const fails = (template: string, percent: number) => reads(template, { kind: "Value", value: 100 - percent });
const AGAINST_STABLE = judgedBy({ relative: { minDifference: -1 } });

/** Scenarios about what a measurement is held against, and what the lack of one counts as. */
export const judgedScenarios: readonly Scenario[] = [
  {
    name: "as-bad-as-stable-then-worse",
    world: world(AGAINST_STABLE, (w) => {
      for (const template of ["v1", "v2"]) reads(template, BAD)(w);
      reads("v3", { kind: "Value", value: 93 })(w);
    }),
    happenings: [push(15, "v2"), push(70, "v3")],
    seconds: 110,
  },
  {
    name: "stable-without-data-holds",
    world: world(AGAINST_STABLE, reads("v1", NONE)),
    happenings: [push(15, "v2"), { at: 40, what: "v1 has data", act: reads("v1", GOOD) }],
    seconds: 80,
  },
  {
    name: "worse-by-more-than-chance",
    world: world(STATISTICAL, (w) => {
      fails("v1", 1)(w);
      fails("v2", 1.05)(w);
      fails("v3", 6)(w);
    }),
    happenings: [push(15, "v2"), push(70, "v3")],
    seconds: 110,
  },
  {
    name: "too-few-requests-hold",
    world: world(
      {
        ...judgedBy({ statistical: {}, noData: { deadline: "2m" } }),
        strategy: { canary: { steps: [{ weight: 1 }, { weight: 50 }] } },
      },
      fails("v1", 1),
    ),
    happenings: [push(15, "v2")],
    seconds: 100,
  },
  {
    name: "no-data-passes-where-git-says-so",
    world: world(judgedBy({ successRate: { min: 99.5 }, noData: { policy: "Pass" } }), reads("v2", NONE)),
    happenings: [push(15, "v2")],
    seconds: 70,
  },
  {
    name: "no-data-fails-where-git-says-so",
    world: world(judgedBy({ successRate: { min: 99.5 }, noData: { policy: "Fail" } }), reads("v2", NONE)),
    happenings: [push(15, "v2")],
    seconds: 50,
  },
];
