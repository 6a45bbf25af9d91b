import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { at, type Json, type JsonObject, listAt, numberAt, stringAt } from "../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../src/api/objects.ts";
import { moduleSources } from "../cluster/binaries.ts";
import { conditionOf, type Kube } from "./kube.ts";

/** The Gateway that the routes name. */
const GATEWAY = "gate";
const GROUP = "gateway.networking.k8s.io";
const PLURALS = { HTTPRoute: "httproutes", GRPCRoute: "grpcroutes" } as const;
const crdRefs: readonly ObjectRef[] = Object.values(PLURALS).map((plural) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  name: `${plural}.${GROUP}`,
}));

/** Makes the API server know routes, by the definitions of Gateway API's own release. */
export async function defineRoutes(kube: Kube): Promise<void> {
  const sources = await moduleSources("gateway-api", "sigs.k8s.io/gateway-api");
  for (const [index, plural] of Object.values(PLURALS).entries()) {
    const crd = join(sources, `config/crd/experimental/${GROUP}_${plural}.yaml`);
    await kube.kubectl(["apply", "--server-side", "-f", "-"], await readFile(crd, "utf8"));
    const ref = crdRefs[index] as ObjectRef;
    await kube.waitFor(ref, "established", (one) => conditionOf(one, "Established")?.status === "True");
  }
}

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

function routeOf(kind: string, name: string, rules: readonly JsonObject[]): Manifest {
  const spec = { parentRefs: [{ name: GATEWAY }], rules };
  return { apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec };
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
