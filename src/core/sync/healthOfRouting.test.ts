import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { object, when } from "../../testing/liveObject.ts";
import { health } from "./health.ts";

const report = (parentRef: JsonObject, observedGeneration: number, resolved = "True"): JsonObject => ({
  parentRef,
  conditions: [
    when("Accepted", "True", "R", { observedGeneration }),
    when("ResolvedRefs", resolved, "R", { observedGeneration }),
  ],
});
const route = (parents: readonly JsonObject[], parentRefs: readonly JsonObject[] = [{ name: "gw" }]) =>
  object("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { parentRefs }, status: { parents } });
const gw = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "n", name: "gw" };

test.each<[string, Manifest, string, string]>([
  ["accepted at its generation", route([report(gw, 2)]), "Current", ""],
  [
    "accepted at an earlier generation",
    route([report(gw, 1)]),
    "InProgress",
    "Gateway gw has not seen the latest change",
  ],
  ["not reported by its parent", route([]), "InProgress", "Gateway gw has not accepted it yet"],
  [
    "reported by another parent only",
    route([report({ ...gw, name: "other" }, 2)]),
    "InProgress",
    "Gateway gw has not accepted it yet",
  ],
  [
    "accepted by one listener of two",
    route(
      [report({ ...gw, sectionName: "a" }, 2)],
      [
        { name: "gw", sectionName: "a" },
        { name: "gw", sectionName: "b" },
      ],
    ),
    "InProgress",
    "Gateway gw has not accepted it yet",
  ],
  [
    "with a backend that isn't found",
    route([report(gw, 2, "False")]),
    "InProgress",
    "Gateway gw reports it as not ResolvedRefs: ResolvedRefs is False",
  ],
  ["without parents", route([], []), "Current", ""],
])("a route %s", (_sentence, one, kind, message) => {
  expect(health(one)).toEqual({ kind, message });
});

test.each(["GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"])("a %s is judged by its parents as well", (kind) => {
  const { spec, status } = route([report(gw, 2)]);
  const rest = { spec: spec ?? {}, status: status ?? {} };
  expect(health(object("gateway.networking.k8s.io/v1", kind, rest)).kind).toBe("Current");
  expect(health(object("gateway.networking.k8s.io/v1", kind, { ...rest, status: {} })).kind).toBe("InProgress");
});

test.each<[string, Manifest, string]>([
  [
    "a GatewayClass that its controller has not accepted",
    object("gateway.networking.k8s.io/v1", "GatewayClass", { status: { conditions: [when("Accepted", "Unknown")] } }),
    "InProgress",
  ],
  [
    "a GatewayClass that is accepted",
    object("gateway.networking.k8s.io/v1", "GatewayClass", { status: { conditions: [when("Accepted")] } }),
    "Current",
  ],
  [
    "a Gateway that was programmed at an earlier generation",
    object("gateway.networking.k8s.io/v1", "Gateway", {
      status: { conditions: [when("Accepted"), when("Programmed", "True", "R", { observedGeneration: 1 })] },
    }),
    "InProgress",
  ],
  ["a Service", object("v1", "Service", { spec: { type: "ClusterIP" } }), "Current"],
  ["a load balancer without address", object("v1", "Service", { spec: { type: "LoadBalancer" } }), "InProgress"],
  [
    "a load balancer",
    object("v1", "Service", {
      spec: { type: "LoadBalancer" },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
    }),
    "Current",
  ],
  ["an Ingress", object("networking.k8s.io/v1", "Ingress", { status: { loadBalancer: {} } }), "Current"],
  [
    "a Gateway that is programmed",
    object("gateway.networking.k8s.io/v1", "Gateway", {
      status: { conditions: [when("Accepted"), when("Programmed")] },
    }),
    "Current",
  ],
  [
    "a Gateway that is accepted only",
    object("gateway.networking.k8s.io/v1", "Gateway", { status: { conditions: [when("Accepted")] } }),
    "InProgress",
  ],
])("%s", (_sentence, one, kind) => {
  expect(health(one).kind).toBe(kind);
});
