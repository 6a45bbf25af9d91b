import { Connection } from "../../src/adapters/kubernetes/connection.ts";
import { GroupDiscovery } from "../../src/adapters/kubernetes/discovery.ts";
import { KubernetesWatcher } from "../../src/adapters/kubernetes/reflector.ts";
import { Transport } from "../../src/adapters/kubernetes/transport.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import type { ObjectCache } from "../../src/ports/watch.ts";

/** Hears of GitSyncs by a watch, so that waiting costs the API server nothing. */
export class News implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #end = new AbortController();
  #syncs: ObjectCache | undefined;
  #changed = Promise.withResolvers<void>();

  private constructor(kubeconfig: string) {
    this.#connection = new Connection({ kind: "File", paths: [kubeconfig] });
  }

  /** Starts the watches. */
  static async open(kubeconfig: string): Promise<News> {
    const news = new News(kubeconfig);
    const transport = new Transport(news.#connection);
    const watcher = new KubernetesWatcher(transport, new GroupDiscovery(transport));
    const { signal } = news.#end;
    const tell = (): void => {
      news.#changed.resolve();
      news.#changed = Promise.withResolvers();
    };
    news.#syncs = watcher.watch({ apiVersion: API_VERSION, kind: "GitSync" }, tell, signal);
    await watcher.untilSynced([news.#syncs], signal);
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#connection.close();
  }
}
