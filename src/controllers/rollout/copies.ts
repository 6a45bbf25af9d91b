import { listAt, stringAt } from "../../api/json.ts";
import { type Manifest, refOf } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type ConfigDigests, configCopy, copiesOf, copyNames } from "../../core/rollout/config.ts";
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
    if (!isMade(sources, copy, digests[key])) await applyCopy(cluster, sources, copy, signal);
  }
  return true;
}

/** The copies that a revision has, as far as they are known: by their names alone they could be anybody's. */
function heldCopies(caches: RolloutCaches, revision: Manifest): readonly Manifest[] {
  return copiesOf(revision, hashOf(revision)).flatMap(({ kind, namespace, name }) => {
    const copy = configCache(caches, kind as ConfigKind)?.get(`${namespace ?? ""}/${name}`);
    return copy !== undefined && sameMarks(copy, revision) ? [copy] : [];
  });
}

function sameMarks(copy: Manifest, { metadata }: Manifest): boolean {
  return [Mark.rollout, Mark.revision].every((mark) => copy.metadata.labels?.[mark] === metadata.labels?.[mark]);
}

/** The copies of a revision that would outlive it, were its Deployment deleted by a person. */
export function unowned(caches: RolloutCaches, revision: Manifest): readonly Manifest[] {
  const { uid } = revision.metadata;
  return heldCopies(caches, revision).filter(
    (copy) => !listAt(copy, "metadata", "ownerReferences").some((owner) => stringAt(owner, "uid") === uid),
  );
}

/** Deletes the copies of a revision. */
export async function removeCopies(
  caches: RolloutCaches,
  revision: Manifest,
  remove: (copy: Manifest) => Promise<void>,
): Promise<void> {
  for (const copy of heldCopies(caches, revision)) await remove(copy);
}

/**
 * Whether a copy was made before: who is killed after each write would else never come to the next. One that has an owner is
 * left over from a Deployment that is gone, and about to go too.
 */
function isMade({ caches }: ConfigSources, copy: Manifest, digest: string | undefined): boolean {
  const { namespace = "", name } = copy.metadata;
  const held = configCache(caches, copy.kind as ConfigKind)?.get(`${namespace}/${name}`);
  if (held === undefined || held.metadata["ownerReferences"] !== undefined) return false;
  return sameMarks(held, copy) && stringAt(held, "digest") === digest;
}

async function applyCopy(
  cluster: Cluster,
  { caches }: ConfigSources,
  copy: Manifest,
  signal: AbortSignal,
): Promise<void> {
  try {
    let stored = await cluster.apply(copy, {}, signal);
    // Its former owner is gone, and would take it along.
    if (stored.metadata["ownerReferences"] !== undefined) {
      const patch = { metadata: { uid: stored.metadata.uid ?? "", ownerReferences: null } };
      stored = await cluster.patch(refOf(stored), patch, {}, signal);
    }
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
