import { at, isObject } from "../../api/json.ts";
import { type Key, keyOf, type Manifest, type ObjectRef } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { parseRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { driverOf, isRoute, serviceOf, workloadOf } from "../../core/rollout/driver.ts";
import { needs } from "../../core/rollout/needs.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import type { RolloutCaches } from "./caches.ts";
import { observeRollout, revisionsOf, type Sources } from "./observe.ts";
import { sharesOn } from "./observeRoutes.ts";

/** What the syncs see of the rollouts, so that both write the same of a shared object. */
export interface RolloutView {
  /** What a rollout says of a shared object. */
  readonly claimOn: (object: Manifest) => Claim | undefined;
  /** Takes an object that a sync has written, before the rollouts' own watches tell of it. */
  readonly share: (stored: Manifest) => void;
  /** Tells the rollouts of these objects that a commit is there as a whole. */
  readonly arrived: (objects: readonly Manifest[]) => void;
  /** The revision whose pods cannot start without an object; undefined: none that there is. */
  readonly neededBy: (ref: ObjectRef) => string | undefined;
  /** Tells whether a rollout rests at what its Deployment's template says now: only then may what it could fall back to go. */
  readonly atRest: (namespace: string, name: string) => boolean;
}

/** The view over the rollouts' caches. */
export function viewOf(sources: Sources, wake: (key: Key) => void): RolloutView {
  const { caches } = sources;
  return {
    claimOn(object) {
      const all = caches.rollouts.list(object.metadata.namespace ?? "");
      const driver = driverOf(all, object);
      if (driver === undefined) return undefined;
      const claim = claimOf(caches, driver);
      if (!isRoute(object)) return claim;
      return { ...claim, shares: sharesOn(caches, object) };
    },
    share(stored) {
      const { rollouts, deployments, services, configMaps, secrets, routeKinds } = caches;
      const of = [
        rollouts,
        deployments,
        services,
        configMaps,
        ...(secrets === undefined ? [] : [secrets]),
        ...routeKinds(),
      ];
      of.find(({ query }) => query.apiVersion === stored.apiVersion && query.kind === stored.kind)?.put(stored);
    },
    arrived(objects) {
      for (const object of objects) {
        const driver = driverOf(caches.rollouts.list(object.metadata.namespace ?? ""), object);
        if (driver !== undefined) wake(keyOf(driver));
      }
    },
    neededBy(ref) {
      const revisions = caches.deployments
        .list(ref.namespace ?? "")
        .filter(({ metadata }) => metadata.labels?.[Mark.revision]);
      return revisions.find((revision) => needs(at(revision, "spec", "template"), ref))?.metadata.name;
    },
    atRest(namespace, name) {
      const observed = observeRollout(sources, `${namespace}/${name}`);
      if (observed?.seen.cursor === undefined) return observed?.seen.problem !== undefined;
      const { cursor, workload } = observed.seen;
      return cursor.stage === "Resting" && workload?.target === cursor.stable;
    },
  };
}

function claimOf(caches: RolloutCaches, rollout: Manifest): Claim {
  const { namespace = "", name } = rollout.metadata;
  const cursor = parseRollout(rollout).status.rollout;
  const stable = revisionsOf(caches, namespace, name).find(
    ({ metadata }) => metadata.labels?.[Mark.revision] === cursor?.stable,
  );
  const labels = at(stable, "spec", "template", "metadata", "labels");
  return {
    rollout: name,
    workload: workloadOf(rollout),
    service: serviceOf(rollout),
    cursor,
    ...(isObject(labels) ? { stableLabels: labels as Readonly<Record<string, string>> } : {}),
  };
}
