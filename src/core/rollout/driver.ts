import { stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";

/** Name of the Deployment that a ProgressiveRollout drives. */
export function workloadOf(rollout: Manifest): string {
  return stringAt(rollout, "spec", "workloadRef", "name") ?? "";
}

/** Name of the callers' Service of a ProgressiveRollout. */
export function serviceOf(rollout: Manifest): string {
  return stringAt(rollout, "spec", "serviceRef", "name") ?? "";
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

/** The rollout whose word counts on a Deployment or a Service: one that an older one holds back has none. */
export function driverOf(all: readonly Manifest[], object: Manifest): Manifest | undefined {
  const { namespace, name } = object.metadata;
  return all.find((rollout) => {
    const named =
      object.kind === "Deployment" ? workloadOf(rollout) : object.kind === "Service" ? serviceOf(rollout) : "";
    return rollout.metadata.namespace === namespace && named === name && rivalOf(rollout, all) === undefined;
  });
}

/** Sorts by creation; the uid decides between two of one second. */
function age({ metadata }: Manifest): string {
  return `${metadata.creationTimestamp ?? ""}/${metadata.uid ?? ""}`;
}
