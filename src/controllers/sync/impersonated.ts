import { refOf, title } from "../../api/objects.ts";
import { ApiError, type Census, type Cluster, type Identity } from "../../ports/cluster.ts";

/** A cluster whose objects are applied and deleted as a service account, or not at all: whatever forgets the account fails. */
export function impersonatedOnly(cluster: Cluster & Census): Cluster & Census {
  const insist = ({ account }: Identity, what: string): void => {
    if (account !== undefined) return;
    throw new ApiError("Forbidden", `cannot ${what}: the operator lets no sync use its own rights`);
  };
  return {
    count: (apiVersion, kind, signal) => cluster.count(apiVersion, kind, signal),
    get: (ref, signal) => cluster.get(ref, signal),
    async patch(ref, patch, options, signal) {
      // Status and finalizers of the sync itself are the operator's.
      if (ref.kind !== "GitSync") insist(options, `patch ${title(ref)}`);
      return await cluster.patch(ref, patch, options, signal);
    },
    async apply(object, options, signal) {
      insist(options, `apply ${title(refOf(object))}`);
      return await cluster.apply(object, options, signal);
    },
    async remove(ref, options, signal) {
      insist(options, `delete ${title(ref)}`);
      return await cluster.remove(ref, options, signal);
    },
  };
}
