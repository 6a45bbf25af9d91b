import { describe, expect, test } from "vitest";
import { at, type Json, listAt, stringAt } from "../../../api/json.ts";
import { rolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { CANDIDATE, ref, rule, STABLE, share } from "../../../testing/rollout/routes.ts";
import { revisionIn } from "./backends.ts";
import { readWord, splitRules } from "./rules.ts";
import type { Split } from "./split.ts";
import { upTo } from "./sticky.ts";
import { mostOf, wordOf } from "./word.ts";

const steps = [{ weight: 10 }, { approval: {} }, { weight: 33.3 }, { weight: 90 }];
const spec = rolloutSpec.parse({
  workloadRef: { name: "web" },
  serviceRef: { name: "web" },
  routeRefs: [{ name: "web" }],
  strategy: { canary: { sticky: {}, steps } },
});

/** The rules of a route while a candidate has a weight. */
function rulesAt(weight: number, candidate: string = CANDIDATE): readonly Json[] {
  const word = wordOf({ split: split(weight, candidate), candidate }, spec);
  return splitRules([rule(ref("web"))], [share(word)]);
}

function split(weight: number, candidate: string = CANDIDATE): Split {
  const rest = Math.round((100 - weight) * 10) / 10;
  return [
    { revision: STABLE, weight: rest },
    { revision: candidate, weight },
  ].filter((one) => one.weight > 0);
}

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

const patterns = new Map<string, RegExp>();
function pattern(text: string): RegExp {
  const known = patterns.get(text) ?? new RegExp(text);
  patterns.set(text, known);
  return known;
}

/** A user with a cookie jar, whose requests a Gateway routes by the letter of the rules. */
class User {
  cookie = "theme=dark";
  ask(rules: readonly Json[], random: () => number): string {
    const taken = rules.find((one) => listAt(one, "matches").some((match) => this.#has(match)));
    const backends = listAt(taken, "backendRefs");
    let left = random() * backends.reduce<number>((sum, one) => sum + Number(at(one, "weight")), 0);
    const backend = backends.find((one) => {
      left -= Number(at(one, "weight"));
      return left < 0;
    });
    const [ticket] = listAt(backend, "filters").flatMap((one) => listAt(one, "responseHeaderModifier", "add"));
    const [pair] = (stringAt(ticket, "value") ?? "").split(";");
    if (pair !== undefined && pair !== "") this.cookie = `theme=dark; ${pair}; lang=en`;
    return revisionIn(backend ?? null, share()) ?? "none";
  }
  #has(match: Json): boolean {
    return listAt(match, "headers").every((header) => pattern(stringAt(header, "value") ?? "").test(this.cookie));
  }
}

describe("a sticky canary", () => {
  const random = numbers(7);
  const users = Array.from({ length: 1_000 }, () => new User());
  const visit = (weight: number, candidate?: string) =>
    users.map((user) => {
      const seen = Array.from({ length: 5 }, () => user.ask(rulesAt(weight, candidate), random));
      expect(new Set(seen).size, `one user saw ${[...new Set(seen)].join(" and ")} at ${weight}`).toBe(1);
      return seen[0];
    });
  const at = (candidate: string, seen: readonly unknown[]) => seen.filter((one) => one === candidate).length;

  test("P40: keeps each of 1,000 users on one track in a step, moves them towards the candidate only, and all of them home", () => {
    const first = visit(10);
    expect(at(CANDIDATE, first)).toBeGreaterThan(80);
    expect(at(CANDIDATE, first)).toBeLessThan(120);
    const second = visit(33.3);
    expect(at(CANDIDATE, second)).toBeGreaterThan(283);
    expect(at(CANDIDATE, second)).toBeLessThan(383);
    for (const [index, one] of first.entries()) if (one === CANDIDATE) expect(second[index]).toBe(CANDIDATE);
    expect(at(STABLE, visit(0))).toBe(1_000);
    expect(visit(33.3)).toEqual(second);
    expect(at(CANDIDATE, visit(100))).toBe(1_000);
  });

  test("P40: a ticket of one candidate says nothing about the next one", () => {
    const next = "xxxxxxxx";
    const seen = visit(10, next);
    expect(at(next, seen)).toBeGreaterThan(80);
    expect(at(next, seen)).toBeLessThan(120);
  });
});

test("P40: a weight between two steps, and steps that a commit has changed, take nobody back", () => {
  const random = numbers(3);
  const users = Array.from({ length: 200 }, () => new User());
  const visit = (weight: number) => users.map((user) => user.ask(rulesAt(weight), random));
  let before = visit(10);
  for (const weight of [25, 33.3, 33.4, 60, 90]) {
    const now = visit(weight);
    for (const [index, one] of before.entries()) if (one === CANDIDATE) expect(now[index]).toBe(CANDIDATE);
    before = now;
  }
  expect(wordOf({ split: split(25), candidate: CANDIDATE }, spec)).toMatchObject({
    parts: [
      { revision: CANDIDATE, weight: 10, ticket: `${CANDIDATE}-100` },
      { revision: CANDIDATE, weight: 15, ticket: `${CANDIDATE}-250` },
      { revision: STABLE, weight: 8.3, ticket: `${CANDIDATE}-333` },
      { revision: STABLE, weight: 56.7, ticket: `${CANDIDATE}-900` },
      { revision: STABLE, weight: 10, ticket: `${CANDIDATE}-1000` },
    ],
  });
});

test("a pattern of the numbers up to another one has each of them, and no other", () => {
  for (const most of [1, 5, 9, 10, 19, 99, 100, 250, 333, 900, 999, 1_000]) {
    const pattern = new RegExp(`^(${upTo(most)})$`);
    const found = Array.from({ length: 1_101 }, (_, number) => number).filter((number) => pattern.test(String(number)));
    expect([found.length, found[0], found.at(-1)], upTo(most)).toEqual([most, 1, most]);
  }
});

test("the longest list of steps that the schema allows has room in a rule, at a weight of none of them", () => {
  const long = Array.from({ length: 14 }, (_, index) => ({ weight: index + 1 }));
  const most = mostOf({ ...spec, strategy: { canary: { sticky: {}, steps: long, stableCapacity: "Full" } } });
  const rules = splitRules([rule(ref("web"))], [share(most)]);
  expect(rules).toHaveLength(3);
  expect(Math.max(...rules.map((one) => listAt(one, "backendRefs").length))).toBe(16);
});

describe("what a rollout says on a route can be read from its rules", () => {
  const header = { header: { name: "x-beta", value: "yes" } };
  const cookie = { cookie: { name: "beta", value: "a.b" } };
  const canaries = [
    { steps },
    { steps, sticky: {} },
    { steps, audience: [header] },
    { steps, audience: [header, cookie] },
    { steps, audience: [header], sticky: {} },
    { steps, audience: [cookie, header], sticky: {} },
  ];
  const rulesOfGit = [
    rule(ref("elsewhere")),
    { ...(rule(ref("web")) as object), matches: [{ path: { value: "/a" } }] } as Json,
    rule(ref("web")),
  ];

  test.each(
    canaries.flatMap((canary) =>
      [0, 0.1, 10, 33.3, 90, 100].map((weight) => [JSON.stringify(canary), weight, canary] as const),
    ),
  )("%s at %s", (_title, weight, canary) => {
    const full = rolloutSpec.parse({ ...spec, strategy: { canary } });
    for (const audience of [undefined, CANDIDATE]) {
      const word = wordOf({ split: split(weight), candidate: CANDIDATE, audience }, full);
      expect(readWord(splitRules(rulesOfGit, [share(word)]), share(), [])).toEqual(word);
    }
  });
});
