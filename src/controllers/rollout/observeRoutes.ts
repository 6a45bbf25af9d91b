import { listAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { type ProgressiveRollout, parseRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "../../core/rollout/because.ts";
import { driversOfRoute, serviceOf, workloadOf } from "../../core/rollout/driver.ts";
import { lackOfRoom, unfitness } from "../../core/rollout/routes/fit.ts";
import { refusalOf } from "../../core/rollout/routes/parents.ts";
import { readWord } from "../../core/rollout/routes/rules.ts";
import { mostOf, type RouteSeen, type RouteShare, wordOf } from "../../core/rollout/routes/word.ts";
import { health } from "../../core/sync/health.ts";
import type { RolloutCaches } from "./caches.ts";

/** What a rollout says of routes that it names. */
function shareOf({ object, spec, status }: ProgressiveRollout): RouteShare {
  return {
    namespace: object.metadata.namespace ?? "",
    service: spec.serviceRef.name,
    workload: spec.workloadRef.name,
    word: spec.routeRefs.length > 0 ? wordOf(status.rollout, spec) : "Git",
    most: mostOf(spec),
  };
}

/** What all rollouts of the namespace say of a route: those that name it, and those whose revisions are still in it. */
export function sharesOn(caches: RolloutCaches, route: Manifest): readonly RouteShare[] {
  const all = caches.rollouts.list(route.metadata.namespace ?? "");
  const drivers = driversOfRoute(all, route);
  const backends = listAt(route, "spec", "rules").flatMap((rule) => listAt(rule, "backendRefs"));
  const names = backends.map((backend) => stringAt(backend, "name") ?? "");
  // Most routes of a large namespace concern most rollouts nothing, and parsing is not free.
  const concerned = all.filter((one) => {
    const start = `${workloadOf(one).replaceAll(".", "-").slice(0, SHORTEST)}`;
    return names.some((name) => name === serviceOf(one) || name.startsWith(start));
  });
  return concerned.map((one) => {
    const share = shareOf(parseRollout(one));
    return drivers.includes(one) ? share : { ...share, word: "Git", most: { parts: [], chosen: [] } };
  });
}

/** Names of revisions begin with as much of their Deployment's name as there is room for. */
const SHORTEST = 53;

/** The routes that a rollout names, and any other one of the namespace that still has requests for its revisions. */
export function routesOf(caches: RolloutCaches, rollout: ProgressiveRollout): readonly RouteSeen[] {
  const named = (route: Manifest) =>
    rollout.spec.routeRefs.some(({ kind, name }) => kind === route.kind && name === route.metadata.name);
  return caches
    .routeKinds()
    .flatMap((cache) => cache.list(rollout.object.metadata.namespace ?? ""))
    .map((route) => ({ route, seen: seeRoute(caches, rollout, route) }))
    .filter(({ route, seen }) => seen.said !== "Git" || named(route))
    .map(({ seen }) => seen);
}

function seeRoute(caches: RolloutCaches, rollout: ProgressiveRollout, route: Manifest): RouteSeen {
  const rules = listAt(route, "spec", "rules");
  const { own, others } = sidesOf(caches, rollout, route);
  const found = health(route);
  return {
    kind: route.kind,
    name: route.metadata.name,
    said: readWord(rules, own, others),
    cramped: lackOfRoom(rules, [...others, own]) !== undefined,
    waits: found.kind === "Current" ? undefined : found.message,
    refusal: refusalOf(route),
  };
}

function sidesOf(caches: RolloutCaches, rollout: ProgressiveRollout, route: Manifest) {
  const own = shareOf(rollout);
  return { own, others: sharesOn(caches, route).filter(({ service }) => service !== own.service) };
}

/** Why requests cannot be split by the routes that a rollout names. */
export function routeProblem(caches: RolloutCaches, rollout: ProgressiveRollout): Because | undefined {
  const namespace = rollout.object.metadata.namespace ?? "";
  for (const { kind, name } of rollout.spec.routeRefs) {
    const route = caches.routes(kind).get(`${namespace}/${name}`);
    if (route === undefined) {
      return because("RouteMissing", `there is no ${kind} ${name}`, "commit it, or correct spec.routeRefs");
    }
    const { own, others } = sidesOf(caches, rollout, route);
    const unfit = unfitness(listAt(route, "spec", "rules"), own, others);
    if (unfit === undefined) continue;
    return because("RouteUnfit", `${kind} ${name} ${unfit}`, "correct its rules, or what the rollout asks of it");
  }
  return undefined;
}
