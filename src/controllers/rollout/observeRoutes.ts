import { listAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { ProgressiveRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "../../core/rollout/because.ts";
import { type RouteSeen, type RouteShare, readSplit, unfitness } from "../../core/rollout/routes.ts";
import { health } from "../../core/sync/health.ts";
import type { RolloutCaches } from "./caches.ts";

/** What a rollout says of routes. */
export function shareOf({ object, spec, status }: ProgressiveRollout): RouteShare {
  return {
    namespace: object.metadata.namespace ?? "",
    service: spec.serviceRef.name,
    workload: spec.workloadRef.name,
    split: spec.routeRefs.length > 0 ? status.rollout?.split : undefined,
  };
}

/** The routes that a rollout names, and any other one of the namespace that still has requests for its revisions. */
export function routesOf(caches: RolloutCaches, rollout: ProgressiveRollout): readonly RouteSeen[] {
  const share = shareOf(rollout);
  const named = (route: Manifest) =>
    rollout.spec.routeRefs.some(({ kind, name }) => kind === route.kind && name === route.metadata.name);
  return caches
    .routeKinds()
    .flatMap((cache) => cache.list(share.namespace))
    .map((route) => ({ route, said: readSplit(listAt(route, "spec", "rules"), share) }))
    .filter(({ route, said }) => said !== "Git" || named(route))
    .map(({ route, said }) => ({ kind: route.kind, name: route.metadata.name, said, waits: waitsFor(route) }));
}

function waitsFor(route: Manifest): string | undefined {
  const found = health(route);
  return found.kind === "Current" ? undefined : found.message;
}

/** Why requests cannot be split by the routes that a rollout names. */
export function routeProblem(caches: RolloutCaches, rollout: ProgressiveRollout): Because | undefined {
  const share = shareOf(rollout);
  for (const { kind, name } of rollout.spec.routeRefs) {
    const route = caches.routes(kind).get(`${share.namespace}/${name}`);
    if (route === undefined) {
      return because("RouteMissing", `there is no ${kind} ${name}`, "commit it, or correct spec.routeRefs");
    }
    const unfit = unfitness(listAt(route, "spec", "rules"), share);
    if (unfit === undefined) continue;
    return because(
      "RouteUnfit",
      `${kind} ${name} ${unfit}`,
      "correct its rules, or spec.routeRefs and spec.serviceRef",
    );
  }
  return undefined;
}
