import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import {
  baseRules,
  followedRoute,
  overlayRoute,
  type RouteShare,
  readSplit,
  type Split,
  splitRules,
  unfitness,
} from "./routes.ts";

const [S, C] = ["bcdfghjk", "lmnpqrst"];
const share = (split?: Split): RouteShare => ({ namespace: "shop", service: "web", workload: "web", split });
const halves: Split = [
  { revision: S, weight: 99.5 },
  { revision: C, weight: 0.5 },
];
const ref = (name: string, weight = 1): Json => ({ group: "", kind: "Service", name, port: 80, weight });
const rule = (...backendRefs: Json[]): Json => ({ matches: [{ path: { value: "/" } }], backendRefs });
const route = (...rules: Json[]): Manifest => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "web", namespace: "shop" },
  spec: { hostnames: ["a"], rules },
});

describe("rules that name the Service", () => {
  test("give its requests to the revisions' own Services, to a tenth of a percent", () => {
    expect(splitRules([rule(ref("web"))], share(halves))).toEqual([rule(ref(`web-${S}`, 995), ref(`web-${C}`, 5))]);
  });

  test("keep filters, unknown fields and the shares of other backends", () => {
    const filtered = { ...(ref("web", 9) as object), filters: [{ type: "X" }], novel: { a: 1 } };
    const split = splitRules([rule(filtered, ref("legacy"))], share(halves));
    const same = { group: "", kind: "Service", port: 80, filters: [{ type: "X" }], novel: { a: 1 } };
    expect(split).toEqual([
      rule({ ...same, name: `web-${S}`, weight: 9 * 995 }, { ...same, name: `web-${C}`, weight: 9 * 5 }, ref("legacy")),
    ]);
  });

  test.each<[string, Json]>([
    ["another name", ref("api")],
    ["another kind", { group: "multicluster.x-k8s.io", kind: "ServiceImport", name: "web", port: 80 }],
    ["another namespace", { ...(ref("web") as object), namespace: "other" }],
  ])("are not those with a backend of %s", (_name, backend) => {
    const rules = [rule(backend), { filters: [{ type: "RequestRedirect" }] }];
    expect(splitRules(rules, share(halves))).toEqual(rules);
  });

  test("are those with the route's own namespace written out", () => {
    const backend = { ...(ref("web") as object), namespace: "shop" };
    expect(readSplit(splitRules([rule(backend)], share(halves)), share())).toEqual(halves);
  });
});

test("what is split can be read, and be given back, whatever else the rules say", () => {
  const backend = fc.record({
    name: fc.constantFrom("web", "api", "web-bcdfghjkk", "web-x"),
    port: fc.constantFrom(80, 8080),
    weight: fc.integer({ min: 1, max: 1_000 }),
  });
  const rules = fc.array(fc.record({ name: fc.string(), backendRefs: fc.array(backend, { maxLength: 5 }) }));
  const weight = fc.integer({ min: 1, max: 999 }).map((tenths) => tenths / 10);
  fc.assert(
    fc.property(rules, weight, (any, percent) => {
      // A revision's Service that was there before would be given back too.
      const git = any.map((one) => ({
        ...one,
        backendRefs: one.backendRefs.filter(({ name }) => name !== "web-bcdfghjkk"),
      }));
      const split: Split = [
        { revision: S, weight: Math.round((100 - percent) * 10) / 10 },
        { revision: C, weight: percent },
      ];
      const live = splitRules(git, share(split));
      const named = git.some(({ backendRefs }) => backendRefs.some(({ name }) => name === "web"));
      expect(readSplit(live, share())).toEqual(named ? split : "Git");
      expect(baseRules(live, share())).toEqual(git);
      expect(splitRules(live, share(split))).toEqual(live);
    }),
  );
});

test("rules of which one was changed by someone else are mixed", () => {
  const [first, second] = splitRules([rule(ref("web")), rule(ref("web", 2))], share(halves)) as [Json, Json];
  expect(readSplit([first, second], share())).toEqual(halves);
  expect(readSplit([first, rule(ref("web", 2))], share())).toBe("Mixed");
});

describe("a route that cannot be split", () => {
  test("names the Service nowhere", () => {
    expect(unfitness([rule(ref("api"))], share())).toBe("has no rule with a backendRef to Service web");
  });
  test("has weights that leave no room", () => {
    expect(unfitness([rule(ref("web", 1_001))], share())).toMatch(/weight 1001; up to 1000 can be split/);
    expect(unfitness([rule(ref("web", 1_000))], share())).toBeUndefined();
  });
});

describe("the one value of a route", () => {
  const api: RouteShare = { namespace: "shop", service: "api", workload: "api", split: [{ revision: S, weight: 100 }] };
  const git = route(rule(ref("web")), rule(ref("api")), rule(ref("static")));

  test("has the word of every rollout whose Service it names", () => {
    expect(overlayRoute(git, [share(halves), api])["spec"]).toEqual({
      hostnames: ["a"],
      rules: [rule(ref(`web-${S}`, 995), ref(`web-${C}`, 5)), rule(ref(`api-${S}`, 1_000)), rule(ref("static"))],
    });
  });

  test("is Git's own where no rollout has begun", () => {
    expect(overlayRoute(git, [share()])).toEqual(git);
  });

  test("shows no drift in what rollouts move, and drift in everything else", () => {
    const moved = overlayRoute(git, [share(halves), api]);
    expect(followedRoute(git, [share(), api], moved)).toEqual(moved);
    const edited = route(rule(ref("web"), ref("evil")), rule(ref("api")), rule(ref("static")));
    expect(followedRoute(git, [share(), api], edited)).toBe(git);
  });
});
