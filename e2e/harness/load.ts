import {
  type FailureCount,
  failures,
  LoadClient,
  type LoadOptions,
  type LoadStats,
  loadManifests,
} from "../apps/load.ts";
import { type UntilOptions, until } from "../apps/until.ts";
import type { Kube } from "./kube.ts";

const STATS_PORT = 8081;

/** Load that runs in a pod of the cluster, with its numbers. */
export class RunningLoad {
  readonly #kube: Kube;
  readonly #client: LoadClient;
  readonly #namespace: string;
  readonly #name: string;

  private constructor(kube: Kube, namespace: string, name: string) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#name = name;
    this.#client = new LoadClient(kube.podProxy(namespace, name, STATS_PORT));
  }

  /** Starts the pod and waits until it sends; it goes with its namespace, or with `stop`. */
  static async start(kube: Kube, options: LoadOptions): Promise<RunningLoad> {
    const { namespace, name = "load" } = options;
    await kube.applyAll(loadManifests(options));
    await kube.waitPodReady(namespace, name);
    const load = new RunningLoad(kube, namespace, name);
    await load.untilAnswered(1);
    return load;
  }

  /** The numbers since the start or the last reset. */
  stats(): Promise<LoadStats> {
    return this.#client.stats();
  }

  /** What so many users with cookies see, each in some requests. */
  visit(users: number, requests: number): Promise<readonly string[]> {
    return this.#client.visit(users, requests);
  }

  /** Sets all numbers to 0. */
  reset(): Promise<void> {
    return this.#client.reset();
  }

  /** What went wrong since the start or the last reset; empty when nothing did. */
  async failures(options: { readonly exceptVersion?: string } = {}): Promise<readonly FailureCount[]> {
    return failures(await this.stats(), options);
  }

  /** Waits until so many requests have been answered since the start or the last reset. */
  untilAnswered(count: number, options: UntilOptions = {}): Promise<LoadStats> {
    return this.until(`${count} answers`, ({ answered }) => answered >= count, options);
  }

  /** Waits until all answers of the last two seconds are of these versions and of no other. */
  untilOnly(versions: readonly string[], options: UntilOptions = {}): Promise<LoadStats> {
    const wanted = [...versions].sort().join();
    const serving = ({ recent }: LoadStats) =>
      Object.keys(recent)
        .filter((version) => recent[version] !== 0)
        .sort()
        .join();
    return this.until(`answers of ${wanted} only`, (stats) => serving(stats) === wanted, options);
  }

  /** Waits until the numbers are as wanted. */
  until(what: string, holds: (stats: LoadStats) => boolean, options: UntilOptions = {}): Promise<LoadStats> {
    return until(
      `the load: ${what}`,
      async (saw) => {
        const stats = await this.stats();
        saw(JSON.stringify(stats));
        return holds(stats) ? stats : undefined;
      },
      options,
    );
  }

  /** Ends the load and gives its last numbers. */
  async stop(): Promise<LoadStats> {
    const stats = await this.stats();
    const pod = { apiVersion: "v1", kind: "Pod", namespace: this.#namespace, name: this.#name };
    await this.#kube.delete(pod);
    await this.#kube.delete({ ...pod, kind: "Service" });
    await this.#kube.waitGone(pod);
    return stats;
  }
}
