import { at, type Json, type JsonObject, listAt, numberAt, stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { toYaml } from "../apps/shop.ts";
import { GROUP } from "./gatewayApi.ts";

/** The Gateway that the routes name. */
export const GATEWAY = "gate";
export const PLURALS = { HTTPRoute: "httproutes", GRPCRoute: "grpcroutes" } as const;

/** A route of a shop with rules, a backend and fields that no rollout may touch. */
export function shopRoute(name: string): Manifest {
  const path = (type: string, value: string) => [{ path: { type, value } }];
  const elsewhere = { name: "elsewhere", port: 80 };
  const rules = [
    {
      matches: path("Exact", "/elsewhere"),
      filters: [{ type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-other", value: "1" }] } }],
      backendRefs: [{ ...elsewhere, weight: 7 }],
    },
    { matches: path("Exact", "/old"), filters: [{ type: "RequestRedirect", requestRedirect: { statusCode: 302 } }] },
    {
      name: "half",
      matches: path("PathPrefix", "/half"),
      timeouts: { request: "9s" },
      backendRefs: [
        { ...elsewhere, weight: 1 },
        { name, port: 80, weight: 3 },
      ],
    },
    { matches: path("PathPrefix", "/kept"), sessionPersistence: { sessionName: "s" }, backendRefs: [elsewhere] },
    { matches: path("PathPrefix", "/"), retry: { attempts: 1, codes: [503] }, backendRefs: [{ name, port: 80 }] },
  ];
  return routeOf("HTTPRoute", name, rules);
}

/** It as it stands in Git. */
export function routeFile(name: string): string {
  return toYaml([shopRoute(name), elsewhereService()]);
}

/** A route with fields of the standard channel alone, as it stands in Git, with a rule and a backend that no rollout may touch. */
export function plainRouteFile(name: string): string {
  const [elsewhere, , , , all] = listAt(shopRoute(name), "spec", "rules");
  const { retry: _, ...whole } = all as JsonObject;
  return toYaml([routeOf("HTTPRoute", name, [elsewhere as JsonObject, whole]), elsewhereService()]);
}

/** A route of a shop that is called by gRPC: one method of it, and the rest of its service for those with a header. */
export function grpcRouteFile(name: string): string {
  const service = "shop.Shop";
  const internal = [{ name: "x-internal", value: "staff" }];
  const rules = [
    { matches: [{ method: { service, method: "Sell" } }], backendRefs: [{ name, port: 80 }] },
    { matches: [{ method: { service }, headers: internal }], backendRefs: [{ name: "elsewhere", port: 80 }] },
  ];
  return toYaml([routeOf("GRPCRoute", name, rules), elsewhereService()]);
}

function routeOf(kind: string, name: string, rules: readonly JsonObject[]): Manifest {
  const spec = { parentRefs: [{ name: GATEWAY }], rules };
  return { apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec };
}

function elsewhereService(): Manifest {
  const spec = { selector: { app: "elsewhere" }, ports: [{ port: 80 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name: "elsewhere" }, spec };
}

/** The weights of a rule, by the revision's place in it. */
export function weightsOf(rule: Json | undefined): readonly (Json | undefined)[] {
  return listAt(rule, "backendRefs").map((one) => at(one, "weight"));
}

/** What nobody but Git may say: rules that are not the rollout's, but for backends that are; and the share of the others. */
export function foreignIn(route: Manifest): Json {
  const isOwn = (one: Json) => (stringAt(one, "name") ?? "").startsWith("web");
  const isInserted = (rule: Json) =>
    listAt(rule, "backendRefs").some((one) => stringAt(one, "name") === "web" && at(one, "weight") === 0);
  return listAt(route, "spec", "rules")
    .filter((rule) => !isInserted(rule))
    .map((rule) => {
      const backends = listAt(rule, "backendRefs");
      const sum = backends.reduce<number>((total, one) => total + (numberAt(one, "weight") ?? 1), 0);
      const others = backends.filter((one) => !isOwn(one));
      return {
        ...(rule as JsonObject),
        backendRefs: others.map((one) => ({ ...(one as JsonObject), weight: (numberAt(one, "weight") ?? 1) / sum })),
      };
    });
}
