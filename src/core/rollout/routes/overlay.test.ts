import { describe, expect, test } from "vitest";
import type { Json } from "../../../api/json.ts";
import type { Manifest } from "../../../api/objects.ts";
import { CANDIDATE, parts, ref, rule, STABLE, share } from "../../../testing/rollout/routes.ts";
import { followedRoute, overlayRoute } from "./overlay.ts";
import type { Word } from "./word.ts";

const halves = parts(0.5);
const route = (...rules: Json[]): Manifest => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "web", namespace: "shop" },
  spec: { hostnames: ["a"], rules },
});

describe("the one value of a route", () => {
  const all: Word = { parts: [{ revision: STABLE, weight: 100 }], chosen: [] };
  const api = share(all, { service: "api", workload: "api" });
  const git = route(rule(ref("web")), rule(ref("api")), rule(ref("static")));

  test("has the word of every rollout whose Service it names", () => {
    expect(overlayRoute(git, [share(halves), api])["spec"]).toEqual({
      hostnames: ["a"],
      rules: [
        rule(ref(`web-${STABLE}`, 995), ref(`web-${CANDIDATE}`, 5)),
        rule(ref(`api-${STABLE}`, 1_000)),
        rule(ref("static")),
      ],
    });
  });

  test("is Git's own where no rollout has begun", () => {
    expect(overlayRoute(git, [share()])).toBe(git);
  });

  test("P35: shows no drift in what rollouts move, and drift in everything else", () => {
    const moved = overlayRoute(git, [share(halves), api]);
    expect(followedRoute(git, [share(), api], moved)).toEqual(moved);
    const edited = route(rule(ref("web"), ref("evil")), rule(ref("api")), rule(ref("static")));
    expect(followedRoute(git, [share(), api], edited)).toBe(git);
  });

  test("has weights alone where a rule of ours would not fit: a route that is too large is refused as a whole", () => {
    const chosen: Word = {
      ...halves,
      chosen: [{ revision: CANDIDATE, headers: [{ name: "x-beta", type: "Exact", value: "yes" }] }],
    };
    const full = route(...Array.from({ length: 16 }, (_, i) => rule(ref(i === 0 ? "web" : "static"))));
    expect(overlayRoute(full, [share(chosen)])).toEqual(overlayRoute(full, [share(halves)]));
    expect(overlayRoute(git, [share(chosen)])).not.toEqual(overlayRoute(git, [share(halves)]));
  });
});
