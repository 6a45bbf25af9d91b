import { stringAt } from "../../api/json.ts";
import type { Manifest, ObjectRef } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type ConfigDigests, configCopy, copiesOf, copyNames, ownerOfCopies } from "../../core/rollout/config.ts";
import { type ConfigKind, fromConfigKey } from "../../core/rollout/configUses.ts";
import { ApiError, type Cluster, isApiError } from "../../ports/cluster.ts";
import { concealed } from "../confidential.ts";
import type { RolloutCaches } from "./caches.ts";
import { type ConfigSources, configCache, digestsOf, hashOf } from "./observeConfig.ts";

/** The copies of one revision's configuration, before its Deployment is there. */
export interface CopyPlan {
  readonly workload: Manifest;
  readonly rollout: string;
  readonly hash: string;
  readonly digests: ConfigDigests;
}

/** Makes the copies of a revision's configuration from what is there now; false where that is not what was decided on. */
export async function makeCopies(
  cluster: Cluster,
  sources: ConfigSources,
  { workload, rollout, hash, digests }: CopyPlan,
  signal: AbortSignal,
): Promise<boolean> {
  for (const key of copyNames(digests, hash).keys()) {
    const { kind, name } = fromConfigKey(key);
    const ref = { apiVersion: "v1", kind, namespace: workload.metadata.namespace ?? "", name };
    const original = await cluster.get(ref, signal);
    if (original === undefined) return false;
    configCache(sources.caches, kind)?.put(original);
    if (digestsOf(sources, workload)[key] !== digests[key]) return false;
    const copy = configCopy(original, rollout, hash);
    if (!isThere(sources, copy, hash, digests[key])) await applyCopy(cluster, sources, copy, signal);
  }
  return true;
}

/** The copies of a revision that nothing owns: they would outlive it, were its Deployment deleted by a person. */
export function disowned(caches: RolloutCaches, revision: Manifest): readonly ObjectRef[] {
  return copiesOf(revision, hashOf(revision)).filter(({ kind, namespace, name }) => {
    const copy = configCache(caches, kind as ConfigKind)?.get(`${namespace ?? ""}/${name}`);
    return copy !== undefined && copy.metadata["ownerReferences"] === undefined;
  });
}

/** Lets the copies go with their revision, whoever deletes that. */
export async function ownCopies(
  cluster: Cluster,
  caches: RolloutCaches,
  revision: Manifest,
  signal: AbortSignal,
): Promise<void> {
  for (const ref of disowned(caches, revision)) {
    const patch = { metadata: { ownerReferences: [ownerOfCopies(revision)] } };
    configCache(caches, ref.kind as ConfigKind)?.put(await cluster.patch(ref, patch, {}, signal));
  }
}

/** Deletes the copies of a revision. */
export async function removeCopies(
  sources: ConfigSources,
  revision: Manifest,
  remove: (copy: Manifest) => Promise<void>,
): Promise<void> {
  for (const { kind, namespace, name } of copiesOf(revision, hashOf(revision))) {
    const copy = configCache(sources.caches, kind as ConfigKind)?.get(`${namespace ?? ""}/${name}`);
    if (copy !== undefined) await remove(copy);
  }
}

/** Whether a copy was made before: who is killed after each write would else never come to the next. */
function isThere({ caches }: ConfigSources, copy: Manifest, hash: string, digest: string | undefined): boolean {
  const { namespace = "", name } = copy.metadata;
  const held = configCache(caches, copy.kind as ConfigKind)?.get(`${namespace}/${name}`);
  return held?.metadata.labels?.[Mark.revision] === hash && stringAt(held, "digest") === digest;
}

async function applyCopy(
  cluster: Cluster,
  { caches }: ConfigSources,
  copy: Manifest,
  signal: AbortSignal,
): Promise<void> {
  try {
    const stored = await cluster.apply(copy, {}, signal);
    configCache(caches, copy.kind as ConfigKind)?.put(stored);
  } catch (error) {
    if (!isApiError(error)) throw error;
    const { kind, message, code, retryAfterMs } = error;
    // Its causes name fields and quote values.
    throw new ApiError(kind, concealed(message, copy), {
      code,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}
