import { at } from "../../api/json.ts";
import type { Manifest, ObjectRef } from "../../api/objects.ts";
import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { type Pointer, scaledBy, scaleKey, yieldedBy } from "../../core/sync/yields.ts";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";

/** So long a start waits for the list; a role that does not grant it must not keep everything from starting. */
const FIRST_LIST_MS = 5_000;

/**
 * Watches what the HorizontalPodAutoscalers of the cluster scale, wherever they come from; KEDA makes one for each of its
 * ScaledObjects. `onUnseen` is told when they cannot be listed: those in Git still count.
 */
export async function watchAutoscalers(
  watcher: Watcher,
  onUnseen: () => void,
  signal: AbortSignal,
): Promise<ObjectCache> {
  const query = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", trim: targetOnly };
  const cache = watcher.watch(query, () => undefined, signal);
  try {
    await watcher.untilSynced([cache], AbortSignal.any([signal, AbortSignal.timeout(FIRST_LIST_MS)]));
  } catch (error) {
    if (signal.aborted) throw error;
    onUnseen();
  }
  return cache;
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
