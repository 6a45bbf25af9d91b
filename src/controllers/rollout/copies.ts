import type { Manifest } from "../../api/objects.ts";
import { type ConfigDigests, configCopy, copiesOf, copyNames, ownedBy } from "../../core/rollout/config.ts";
import { type ConfigKind, fromConfigKey } from "../../core/rollout/configUses.ts";
import { ApiError, type Cluster, isApiError } from "../../ports/cluster.ts";
import { concealed } from "../confidential.ts";
import { type ConfigSources, configCache, digestsOf, hashOf } from "./observeConfig.ts";

/** The copies of one revision's configuration, before its Deployment is there. */
export interface CopyPlan {
  readonly workload: Manifest;
  readonly rollout: string;
  readonly hash: string;
  readonly digests: ConfigDigests;
}

/**
 * Makes the copies of a revision's configuration from what is there now; undefined where that is not what was decided on.
 * Answers them as they were sent.
 */
export async function makeCopies(
  cluster: Cluster,
  sources: ConfigSources,
  { workload, rollout, hash, digests }: CopyPlan,
  signal: AbortSignal,
): Promise<readonly Manifest[] | undefined> {
  const copies: Manifest[] = [];
  for (const key of copyNames(digests, hash).keys()) {
    const { kind, name } = fromConfigKey(key);
    const ref = { apiVersion: "v1", kind, namespace: workload.metadata.namespace ?? "", name };
    const original = await cluster.get(ref, signal);
    if (original === undefined) return undefined;
    configCache(sources.caches, kind)?.put(original);
    if (digestsOf(sources, workload)[key] !== digests[key]) return undefined;
    const copy = configCopy(original, rollout, hash);
    await applyCopy(cluster, sources, copy, signal);
    copies.push(copy);
  }
  return copies;
}

/** Lets the copies go with their revision, whoever deletes that. */
export async function ownCopies(
  cluster: Cluster,
  sources: ConfigSources,
  { copies, revision }: { readonly copies: readonly Manifest[]; readonly revision: Manifest },
  signal: AbortSignal,
): Promise<void> {
  for (const copy of copies) await applyCopy(cluster, sources, ownedBy(copy, revision), signal);
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
