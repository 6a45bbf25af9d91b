import { listAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { scales } from "./overlay.ts";

/** Name of the Deployment that a ProgressiveRollout drives. */
export function workloadOf(rollout: Manifest): string {
  return stringAt(rollout, "spec", "workloadRef", "name") ?? "";
}

/** Name of the callers' Service of a ProgressiveRollout. */
export function serviceOf(rollout: Manifest): string {
  return stringAt(rollout, "spec", "serviceRef", "name") ?? "";
}

/** Names of the CronJobs that a ProgressiveRollout's checks run. */
export function cronJobNames(rollout: Manifest): readonly string[] {
  return listAt(rollout, "spec", "checks").flatMap((check) => stringAt(check, "cronJobRef", "name") ?? []);
}

/** Of two rollouts of one Deployment or Service the older one goes on: this is the older one, if there is any. */
export function rivalOf(rollout: Manifest, all: readonly Manifest[]): Manifest | undefined {
  const { namespace, uid } = rollout.metadata;
  return all.find((other) => {
    if (other.metadata.namespace !== namespace || other.metadata.uid === uid || age(other) >= age(rollout))
      return false;
    return workloadOf(other) === workloadOf(rollout) || serviceOf(other) === serviceOf(rollout);
  });
}

/** The rollout whose word counts on a shared object: one that an older one holds back has none. */
export function driverOf(all: readonly Manifest[], object: Manifest): Manifest | undefined {
  return all.find(
    (rollout) =>
      rollout.metadata.namespace === object.metadata.namespace &&
      shares(rollout, object) &&
      rivalOf(rollout, all) === undefined,
  );
}

function shares(rollout: Manifest, object: Manifest): boolean {
  if (object.kind === "Deployment") return workloadOf(rollout) === object.metadata.name;
  if (object.kind === "Service") return serviceOf(rollout) === object.metadata.name;
  if (isRoute(object)) return namesRoute(rollout, object);
  return scales(object, workloadOf(rollout));
}

/** Tells whether an object is a route that requests can be split by. */
export function isRoute({ kind }: Manifest): boolean {
  return kind === "HTTPRoute" || kind === "GRPCRoute";
}

/** Tells whether a rollout splits requests by a route. */
function namesRoute(rollout: Manifest, route: Manifest): boolean {
  return listAt(rollout, "spec", "routeRefs").some(
    (ref) => (stringAt(ref, "kind") ?? "HTTPRoute") === route.kind && stringAt(ref, "name") === route.metadata.name,
  );
}

/** Every rollout that has a word on a route: rules for several Services can be in one. */
export function driversOfRoute(all: readonly Manifest[], route: Manifest): readonly Manifest[] {
  const near = all.filter(({ metadata }) => metadata.namespace === route.metadata.namespace);
  return near.filter((rollout) => namesRoute(rollout, route) && rivalOf(rollout, all) === undefined);
}

/** Sorts by creation; the uid decides between two of one second. */
function age({ metadata }: Manifest): string {
  return `${metadata.creationTimestamp ?? ""}/${metadata.uid ?? ""}`;
}
