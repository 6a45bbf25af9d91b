import { at } from "../../api/json.ts";
import type { Manifest, ObjectRef } from "../../api/objects.ts";
import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { type Pointer, scaledBy, scaleKey, yieldedBy } from "../../core/sync/yields.ts";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";

/**
 * Watches what the HorizontalPodAutoscalers of the cluster scale, wherever they come from; KEDA makes one for each of its
 * ScaledObjects.
 */
export function watchAutoscalers(watcher: Watcher, signal: AbortSignal): ObjectCache {
  const query = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", trim: targetOnly };
  return watcher.watch(query, () => undefined, signal);
}

function targetOnly({ apiVersion, kind, metadata, ...rest }: Manifest): Manifest {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const kept = { name, namespace, uid, resourceVersion, labels } as Manifest["metadata"];
  return { apiVersion, kind, metadata: kept, spec: { scaleTargetRef: at(rest, "spec", "scaleTargetRef") } };
}

/** The places of each object of a set that belong to others, by its own autoscalers and those of the cluster. */
export function yieldsOf(
  members: readonly Member[],
  { ignoreFields = [] }: Pick<GitSyncSpec, "ignoreFields">,
  autoscalers: ObjectCache,
): (member: Member) => readonly Pointer[] {
  const inSet = new Set(members.map(({ object, ref }) => scaledBy(object, ref.namespace)));
  const scaled = (ref: ObjectRef) =>
    inSet.has(scaleKey(ref)) ||
    autoscalers.list(ref.namespace ?? "").some((one) => scaledBy(one, one.metadata.namespace) === scaleKey(ref));
  return ({ object, ref }) =>
    yieldedBy(object, ref, ignoreFields, at(object, "spec", "replicas") !== undefined && scaled(ref));
}
