import { at, type Json, listAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { conditionIn, current, type Health, inProgress, readCondition } from "./healthOf.ts";

const GATEWAY = "gateway.networking.k8s.io";

/** The rules of the kinds that bring requests to pods, by `group/Kind`. */
export const routing: readonly (readonly [string, (object: Manifest) => Health])[] = [
  ["/Service", service],
  // Whether an address appears depends on the controller; what users reach is judged by the workloads.
  ["networking.k8s.io/Ingress", () => current()],
  [`${GATEWAY}/GatewayClass`, (object) => accepted(object, ["Accepted"])],
  [`${GATEWAY}/Gateway`, (object) => accepted(object, ["Accepted", "Programmed"])],
  ...["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"].map(
    (kind) => [`${GATEWAY}/${kind}`, route] as const,
  ),
];

function service(object: Manifest): Health {
  if (stringAt(object, "spec", "type") !== "LoadBalancer") return current();
  const addresses = listAt(object, "status", "loadBalancer", "ingress");
  return addresses.length > 0 ? current() : inProgress("its load balancer has no address yet");
}

function accepted(object: Manifest, types: readonly string[]): Health {
  for (const type of types) {
    const condition = readCondition(object, type);
    if (condition.kind !== "True") return inProgress(`is not ${type}${detail(condition.message)}`);
  }
  return current();
}

/**
 * A route has no condition of its own: each parent that the spec names must say, at this generation, that it accepted
 * the route and resolved its backends. kstatus calls a route current at once; traffic would be sent on that word.
 */
function route(object: Manifest): Health {
  const reports = listAt(object, "status", "parents");
  for (const parent of listAt(object, "spec", "parentRefs")) {
    const name = `${stringAt(parent, "kind") ?? "Gateway"} ${stringAt(parent, "name") ?? ""}`;
    const own = reports.filter((report) => sameParent(parent, at(report, "parentRef"), object));
    if (own.length === 0) return inProgress(`${name} has not accepted it yet`);
    for (const report of own) {
      for (const type of ["Accepted", "ResolvedRefs"]) {
        const condition = conditionIn(listAt(report, "conditions"), type, object.metadata.generation);
        if (condition.kind === "True") continue;
        if (condition.kind === "Outdated") return inProgress(`${name} has not seen the latest change`);
        return inProgress(`${name} reports it as not ${type}${detail(condition.message || condition.reason)}`);
      }
    }
  }
  return current();
}

function sameParent(wanted: Json, reported: Json | undefined, object: Manifest): boolean {
  return parentKey(wanted, object) === parentKey(reported, object);
}

/** A parent reference with its defaults, in one text. */
function parentKey(parent: Json | undefined, object: Manifest): string {
  return JSON.stringify([
    stringAt(parent, "group") ?? GATEWAY,
    stringAt(parent, "kind") ?? "Gateway",
    stringAt(parent, "namespace") ?? object.metadata.namespace ?? "",
    stringAt(parent, "name") ?? "",
    stringAt(parent, "sectionName") ?? "",
    String(at(parent, "port") ?? ""),
  ]);
}

function detail(message: string): string {
  return message === "" ? "" : `: ${message}`;
}
