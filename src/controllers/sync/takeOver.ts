import { type Manifest, refOf } from "../../api/objects.ts";
import { takenOver } from "../../core/sync/appliers.ts";
import type { Cluster, Identity } from "../../ports/cluster.ts";

/**
 * Takes over what older appliers of an object own, and applies it once more, so that what Git does not have goes.
 * `stored` is the answer to an apply: where it names no older applier, nothing is asked or written.
 * A conflict is thrown: somebody else has written meanwhile.
 */
export async function takeOver(
  stored: Manifest,
  desired: Manifest,
  { account }: Identity,
  { cluster }: { readonly cluster: Cluster },
  signal: AbortSignal,
): Promise<Manifest> {
  const managedFields = takenOver(stored, desired);
  if (managedFields === undefined) return stored;
  const identity = account === undefined ? {} : { account };
  const { resourceVersion } = stored.metadata;
  await cluster.patch(refOf(stored), { metadata: { resourceVersion, managedFields } }, identity, signal);
  return cluster.apply(desired, identity, signal);
}

/** An answer without who owns which field: that is most of it, and nothing asks for it later. */
export function slim(stored: Manifest): Manifest {
  const { managedFields: _, ...metadata } = stored.metadata;
  return { ...stored, metadata };
}
