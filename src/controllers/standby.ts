import type { Key, ObjectRef } from "../api/objects.ts";
import { API_VERSION, Mark } from "../api/v1alpha1/names.ts";
import type { Cluster } from "../ports/cluster.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Hook } from "./http/signature.ts";
import { split } from "./rollout/caches.ts";
import { hookOf } from "./sync/hooks.ts";

/** How long one call may take. */
const TIMEOUT_MS = 10_000;

/**
 * Webhooks of a process that does not lead. A Service spreads hooks over all replicas, so each must take them:
 * this one passes them to the leader as the annotation that asks for a look, the only write of a process without the lease.
 */
export class StandbyHooks {
  readonly #cluster: Pick<Cluster, "get" | "patch">;
  readonly #log: Logger;

  /** `cluster` is one that is not fenced by the lease. */
  constructor(cluster: Pick<Cluster, "get" | "patch">, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** What proves a webhook of a sync. */
  async hook(sync: Key, signal: AbortSignal): Promise<Hook | undefined> {
    const secret = (namespace: string, name: string) =>
      this.#cluster.get({ apiVersion: "v1", kind: "Secret", namespace, name }, signal);
    return hookOf(await this.#cluster.get(refOf(sync), signal), secret);
  }

  /** Asks the leader for a look. Returns at once: a hook is answered when it is proven, not when it is carried out. */
  notify(sync: Key): void {
    const metadata = { annotations: { [Mark.requestedAt]: new Date().toISOString() } };
    this.#cluster
      .patch(refOf(sync), { metadata }, {}, AbortSignal.timeout(TIMEOUT_MS))
      .catch((error: unknown) => this.#log.warn({ sync, error }, "a webhook could not be passed to the leader"));
  }
}

function refOf(sync: Key): ObjectRef {
  const [namespace, name] = split(sync);
  return { apiVersion: API_VERSION, kind: "GitSync", namespace, name };
}
