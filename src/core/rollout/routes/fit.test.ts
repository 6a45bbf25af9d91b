import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../../api/json.ts";
import { CANDIDATE, parts, ref, rule, share } from "../../../testing/rollout/routes.ts";
import { unfitness } from "./fit.ts";
import type { Word } from "./word.ts";

const beta = { name: "x-beta", type: "Exact", value: "yes" } as const;
const chosen: Word = { ...parts(10), chosen: [{ revision: CANDIDATE, headers: [beta] }] };
const tickets: Word = {
  ...parts(10),
  parts: parts(10).parts.map((part, index) => ({ ...part, ticket: `${CANDIDATE}-${index}` })),
};
const matching = (matches: Json, ...backends: Json[]): Json => ({ ...(rule(...backends) as JsonObject), matches });
const path = { path: { type: "PathPrefix", value: "/" } };
const tenant = { name: "x-tenant", type: "Exact", value: "a" };

describe("a route that a rollout cannot use", () => {
  test.each<[string, readonly Json[], Word, RegExp]>([
    ["names the Service nowhere", [rule(ref("api"))], parts(10), /^has no rule with a backendRef to Service web$/],
    ["has a weight that leaves no room", [rule(ref("web", 1_001))], parts(10), /^gives web weight 1001; up to 1000/],
    ["has such a weight beside the Service", [rule(ref("web"), ref("a", 5_000))], parts(10), /^gives a weight 5000/],
    ["has no room for another rule", Array(16).fill(rule(ref("web"))), chosen, /^would have 32 rules; .* allows 16$/],
    [
      "has no room for another match",
      Array(2).fill(matching(Array(60).fill(path), ref("web"))),
      chosen,
      /^would have 240 matches; .* allows 128$/,
    ],
    [
      "has no room for another backend",
      [rule(ref("web"), ...Array<Json>(15).fill(ref("a")))],
      parts(10),
      /^would have a rule with 17 backendRefs; .* allows 16$/,
    ],
    [
      "matches the audience's header already",
      [matching([{ ...path, headers: [{ name: "X-Beta", value: "no" }] }], ref("web"))],
      chosen,
      /^matches header x-beta already/,
    ],
    [
      "sets headers of answers where the ticket would be",
      [rule({ ...(ref("web") as JsonObject), filters: [{ type: "ResponseHeaderModifier" }] })],
      tickets,
      /^has a ResponseHeaderModifier at a backendRef already/,
    ],
    [
      "has a rule whose requests the audience's rule would take",
      [rule(ref("web")), matching([{ ...path, headers: [tenant] }], ref("tenant"))],
      chosen,
      /take requests from rule 2.*put it before rule 1$/,
    ],
  ])("%s", (_name, rules, word, why) => {
    expect(unfitness(rules, share(word), [])).toMatch(why);
  });
});

describe("a route that it can use", () => {
  test.each<[string, readonly Json[], Word]>([
    ["has the largest weight", [rule(ref("web", 1_000))], chosen],
    [
      "has another rule for a header before the Service's",
      [matching([{ ...path, headers: [tenant] }], ref("tenant")), rule(ref("web"))],
      chosen,
    ],
    [
      "has another rule with two headers after it",
      [rule(ref("web")), matching([{ ...path, headers: [tenant, { name: "y", value: "1" }] }], ref("tenant"))],
      chosen,
    ],
    [
      "has another rule for another path",
      [rule(ref("web")), matching([{ path: { type: "Exact", value: "/a" }, headers: [tenant] }], ref("tenant"))],
      chosen,
    ],
    [
      "tells the others by another value of the same header",
      [
        matching([{ ...path, headers: [tenant] }], ref("web")),
        matching([{ ...path, headers: [{ ...tenant, value: "b" }] }], ref("tenant")),
      ],
      chosen,
    ],
    [
      "sets headers of answers for a whole rule",
      [{ ...(rule(ref("web")) as JsonObject), filters: [{ type: "X" }] }],
      tickets,
    ],
  ])("%s", (_name, rules, word) => {
    expect(unfitness(rules, share(word), [])).toBeUndefined();
  });

  test("has room for what another rollout says of it too, or it has not", () => {
    const rules = Array<Json>(8).fill(rule(ref("web"), ref("api")));
    const api = share(chosen, { service: "api", workload: "api" });
    expect(unfitness(rules, share(chosen), [])).toBeUndefined();
    expect(unfitness(rules, share(chosen), [api])).toMatch(/^would have 32 rules/);
  });
});
