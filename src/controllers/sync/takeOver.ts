import { type Manifest, refOf } from "../../api/objects.ts";
import { takenOver } from "../../core/sync/appliers.ts";
import type { Cluster, Identity } from "../../ports/cluster.ts";
import type { Write } from "./intent.ts";

/**
 * Takes over what older appliers of an object own, and applies it, so that what Git does not have goes. `stored` is the object
 * with its managers, which is answered where it names no older applier: nothing is asked or written then.
 * A conflict is thrown: somebody else has written meanwhile.
 */
export async function takeOver(
  stored: Manifest,
  { over, shared }: Pick<Write, "over" | "shared">,
  identity: Identity,
  { cluster }: { readonly cluster: Cluster },
  signal: AbortSignal,
): Promise<Manifest> {
  const managedFields = takenOver(stored, over(stored).object, shared);
  if (managedFields === undefined) return stored;
  const { resourceVersion } = stored.metadata;
  const patch = { metadata: { resourceVersion, managedFields } };
  const ours = await cluster.patch(refOf(stored), patch, identity, signal);
  const { object, resourceVersion: seen } = over(ours);
  return cluster.apply(object, { ...identity, ...(seen === undefined ? {} : { resourceVersion: seen }) }, signal);
}

/** An answer without who owns which field: that is most of it, and nothing asks for it later. */
export function slim(stored: Manifest): Manifest {
  const { managedFields: _, ...metadata } = stored.metadata;
  return { ...stored, metadata };
}
