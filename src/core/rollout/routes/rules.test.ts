import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { at, type Json, type JsonObject, listAt } from "../../../api/json.ts";
import { CANDIDATE, parts, ref, rule, STABLE, share } from "../../../testing/rollout/routes.ts";
import { baseRules, readWord, splitRules } from "./rules.ts";
import type { Word } from "./word.ts";

const halves = parts(0.5);
const beta = { name: "x-beta", type: "Exact", value: "yes" } as const;
const cookie = { name: "Cookie", type: "RegularExpression", value: "a=(1|2)" } as const;
const [s, c] = [`web-${STABLE}`, `web-${CANDIDATE}`];

describe("rules that name the Service", () => {
  test("give its requests to the revisions' own Services, to a tenth of a percent", () => {
    expect(splitRules([rule(ref("web"))], [share(halves)])).toEqual([rule(ref(s, 995), ref(c, 5))]);
  });

  test("P36: keep filters, unknown fields and the shares of other backends", () => {
    const filtered = { ...(ref("web", 9) as object), filters: [{ type: "X" }], novel: { a: 1 } };
    const same = { group: "", kind: "Service", port: 80, filters: [{ type: "X" }], novel: { a: 1 } };
    expect(splitRules([rule(filtered, ref("legacy"))], [share(halves)])).toEqual([
      rule({ ...same, name: s, weight: 9 * 995 }, { ...same, name: c, weight: 9 * 5 }, ref("legacy", 1_000)),
    ]);
  });

  test.each<[string, Json]>([
    ["another name", ref("api")],
    ["another kind", { group: "multicluster.x-k8s.io", kind: "ServiceImport", name: "web", port: 80 }],
    ["another namespace", { ...(ref("web") as object), namespace: "other" }],
  ])("are not those with a backend of %s", (_name, backend) => {
    const rules = [rule(backend), { filters: [{ type: "RequestRedirect" }] }];
    expect(splitRules(rules, [share(halves)])).toEqual(rules);
  });

  test("are those with the route's own namespace written out", () => {
    const backend = { ...(ref("web") as object), namespace: "shop" };
    expect(readWord(splitRules([rule(backend)], [share(halves)]), share(), [])).toEqual(halves);
  });

  test("P36: keep a weight that someone gives another backend meanwhile, and give it back in whole numbers", () => {
    const live = [rule(ref(s, 995), ref(c, 5), ref("legacy", 2_500))];
    expect(splitRules(live, [share(halves)])).toEqual(live);
    expect(splitRules(live, [share()])).toEqual([rule(ref("web"), ref("legacy", 3))]);
  });
});

describe("rules for a chosen audience", () => {
  const chosen: Word = { ...halves, chosen: [{ revision: CANDIDATE, headers: [beta, cookie] }] };
  const git: JsonObject = {
    name: "shop",
    matches: [{ path: { type: "Exact", value: "/a" }, headers: [{ name: "x", value: "1" }] }, { method: "GET" }],
    filters: [{ type: "RequestHeaderModifier" }],
    timeouts: { request: "5s" },
    novel: true,
    backendRefs: [ref("web", 3), ref("legacy")],
  };

  test("stand before the rule that they come from, do as it does, and ask for one header more", () => {
    const [extra, split, ...none] = splitRules([git], [share(chosen)]);
    expect(none).toEqual([]);
    const { name: _name, ...rest } = git;
    const [first, second] = listAt(git, "matches") as readonly JsonObject[];
    const with1 = (header: object): Json => ({ ...first, headers: [{ name: "x", value: "1" }, header] as Json[] });
    expect(extra).toEqual({
      ...rest,
      matches: [with1(beta), with1(cookie), { ...second, headers: [beta] }, { ...second, headers: [cookie] }],
      backendRefs: [ref(c, 3_000), ref("web", 0), ref("legacy", 1_000)],
    });
    expect(at(split, "name")).toBe("shop");
    expect(baseRules([extra, split] as Json[], [share()])).toEqual([git]);
  });

  test("have the matches of a rule without any", () => {
    const [extra] = splitRules([{ backendRefs: [ref("web")] }], [share(chosen)]);
    expect(listAt(extra, "matches")).toEqual([{ headers: [beta] }, { headers: [cookie] }]);
  });

  test("have eight matches each at most, as many as every release of Gateway API allows", () => {
    const many = { ...git, matches: Array.from({ length: 5 }, (_, i) => ({ path: { value: `/${i}` } })) };
    const rules = splitRules([many], [share(chosen)]);
    expect(rules.map((one) => listAt(one, "matches").length)).toEqual([8, 2, 5]);
    expect(readWord(rules, share(), [])).toEqual(chosen);
  });

  test("P35: without their rule, or changed by someone else, they are not what was said", () => {
    const live = splitRules([git], [share(chosen)]);
    expect(readWord(live.slice(0, 1), share(), [])).toBe("Mixed");
    const other = live.map((one) => ({ ...(one as JsonObject), timeouts: { request: "9s" } }));
    expect(readWord([live[0] as Json, other[1] as Json], share(), [])).toBe("Mixed");
    expect(splitRules([live[0] as Json, other[1] as Json], [share(chosen)])).toEqual(other);
  });
});

describe("whatever Git says and whatever rollouts say", () => {
  const backend = fc.record({
    name: fc.constantFrom("web", "api", "legacy", "web-x"),
    port: fc.constantFrom(80, 8080),
    weight: fc.integer({ min: 1, max: 1_000 }),
  });
  const gitRule = fc.record({
    novel: fc.string(),
    matches: fc.constantFrom<Json>([{ path: { value: "/" } }], [{ method: "GET" }, { headers: [{ name: "h" }] }]),
    backendRefs: fc.array(backend, { minLength: 1, maxLength: 4 }),
  });
  const header = fc.constantFrom(beta, cookie, { name: "y", type: "Exact" as const, value: "2" });
  const word: fc.Arbitrary<Word> = fc
    .record({
      tenths: fc.integer({ min: 2, max: 999 }),
      tickets: fc.boolean(),
      headers: fc.uniqueArray(header, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
      chosen: fc.boolean(),
    })
    .map(({ tenths, tickets, headers, chosen }) => {
      const { parts: plain } = parts(tenths / 10);
      const first = { revision: CANDIDATE, weight: 0.1, ticket: `${CANDIDATE}-1` };
      const second = { revision: CANDIDATE, weight: (tenths - 1) / 10, ticket: `${CANDIDATE}-${tenths}` };
      const rest = { revision: STABLE, weight: (1_000 - tenths) / 10, ticket: `${CANDIDATE}-1000` };
      return {
        parts: tickets ? [first, second, rest] : plain,
        chosen: chosen ? [{ revision: CANDIDATE, headers }] : [],
      };
    });

  test("P36: each word can be read, and all of it can be given back, field for field", () => {
    fc.assert(
      fc.property(fc.array(gitRule, { maxLength: 5 }), word, word, (rules, mine, theirs) => {
        const git = rules as readonly Json[];
        const [web, api] = [share(mine), share(theirs, { service: "api", workload: "api" })];
        const live = splitRules(git, [web, api]);
        const has = (name: string) => rules.some(({ backendRefs }) => backendRefs.some((one) => one.name === name));
        expect(readWord(live, share(), [api])).toEqual(has("web") ? mine : "Git");
        expect(readWord(live, { ...api, word: "Git" }, [web])).toEqual(has("api") ? theirs : "Git");
        expect(baseRules(live, [web, api])).toEqual(git);
        expect(splitRules(live, [api, web])).toEqual(live);
        expect(splitRules(live, [share(), { ...api, word: "Git" }])).toEqual(git);
      }),
    );
  });

  test("P36: every other backend keeps its share of the requests", () => {
    const shareOfLegacy = (one: Json) => {
      const backends = listAt(one, "backendRefs");
      const sum = (names: (name: unknown) => boolean) =>
        backends.filter((b) => names(at(b, "name"))).reduce<number>((total, b) => total + Number(at(b, "weight")), 0);
      return sum((name) => name === "legacy") / sum(() => true);
    };
    fc.assert(
      fc.property(gitRule, word, (git, mine) => {
        for (const one of splitRules([git as Json], [share(mine)]))
          expect(shareOfLegacy(one)).toBeCloseTo(shareOfLegacy(git as Json), 9);
      }),
    );
  });
});

test("rules of which one was changed by someone else are mixed", () => {
  const [first] = splitRules([rule(ref("web"))], [share(halves)]) as [Json];
  expect(readWord([first, rule(ref("web", 2))], share(), [])).toBe("Mixed");
});
