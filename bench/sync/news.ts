import type { Kube } from "../../e2e/harness/kube.ts";
import { Connection } from "../../src/adapters/kubernetes/connection.ts";
import { GroupDiscovery } from "../../src/adapters/kubernetes/discovery.ts";
import { KubernetesWatcher } from "../../src/adapters/kubernetes/reflector.ts";
import { Transport } from "../../src/adapters/kubernetes/transport.ts";
import { numberAt } from "../../src/api/json.ts";
import { type Manifest, refOf } from "../../src/api/objects.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import type { ObjectCache } from "../../src/ports/watch.ts";

/**
 * Hears of GitSyncs and Deployments by watches, so that waiting costs the API server nothing, and stands in for the controller of
 * Deployments: it reports of each that its pods, none, are there.
 */
export class News implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #kube: Kube;
  readonly #end = new AbortController();
  readonly #settling = new Set<Promise<unknown>>();
  #syncs: ObjectCache | undefined;
  #changed = Promise.withResolvers<void>();

  private constructor(kubeconfig: string, kube: Kube) {
    this.#connection = new Connection({ kind: "File", paths: [kubeconfig] });
    this.#kube = kube;
  }

  /** Starts the watches. */
  static async open(kubeconfig: string, kube: Kube): Promise<News> {
    const news = new News(kubeconfig, kube);
    const transport = new Transport(news.#connection);
    const watcher = new KubernetesWatcher(transport, new GroupDiscovery(transport));
    const { signal } = news.#end;
    const tell = (): void => {
      news.#changed.resolve();
      news.#changed = Promise.withResolvers();
    };
    news.#syncs = watcher.watch({ apiVersion: API_VERSION, kind: "GitSync" }, tell, signal);
    const deployments = watcher.watch(
      { apiVersion: "apps/v1", kind: "Deployment" },
      ({ now }) => news.#settle(now),
      signal,
    );
    await watcher.untilSynced([news.#syncs, deployments], signal);
    return news;
  }

  /** All GitSyncs as last heard of. */
  syncs(): readonly Manifest[] {
    return this.#syncs?.list() ?? [];
  }

  /** Waits until something holds of what was heard. */
  async until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const limit = AbortSignal.timeout(timeoutMs);
    const late = new Promise<never>((_, reject) => {
      limit.addEventListener("abort", () => reject(new Error(`${what} did not happen within ${timeoutMs} ms`)));
    });
    // Settled or not, nobody else waits for it.
    late.catch(() => undefined);
    while (!holds()) await Promise.race([this.#changed.promise, late]);
  }

  #settle(deployment: Manifest | undefined): void {
    const generation = deployment?.metadata.generation;
    if (deployment === undefined || numberAt(deployment, "status", "observedGeneration") === generation) return;
    const conditions = [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "" },
    ];
    const patch = { status: { observedGeneration: generation ?? 1, conditions } };
    const settling = this.#kube
      .patch(refOf(deployment), patch, "status")
      .finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.allSettled(this.#settling);
    await this.#connection.close();
  }
}
