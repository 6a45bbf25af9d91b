import { numberAt, stringAt } from "../../src/api/json.ts";
import { prometheusManifests } from "../apps/prometheus.ts";
import { type UntilOptions, until } from "../apps/until.ts";
import type { Cluster } from "../cluster/index.ts";
import type { Kube } from "./kube.ts";

/** One series of an answer: its labels, and its newest value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Sample["labels"]; readonly value: [number, string] }[];
  };
}

/** A real Prometheus in the cluster. */
export class Monitoring implements AsyncDisposable {
  /** Where pods reach it. */
  readonly inCluster: string;
  readonly #kube: Kube;
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #image: string;

  constructor(kube: Kube, cluster: Cluster, namespace: string, image: string) {
    this.#kube = kube;
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.#image = image;
    this.inCluster = `http://prometheus.${namespace}:9090`;
  }

  /** Applies what it consists of; its namespace must be there. */
  async begin(): Promise<void> {
    await this.#kube.applyAll(this.#objects());
    // This machine is not in the cluster's network, so it asks through a port of the node.
    const service = { apiVersion: "v1", kind: "Service", namespace: this.#namespace, name: "prometheus" };
    await this.#kube.patch(service, { spec: { type: "NodePort" } });
  }

  /** Waits until it answers. */
  async ready(): Promise<void> {
    await this.#kube.waitAvailable(this.#namespace, "prometheus", { timeoutMs: 90_000 });
    await until("Prometheus to answer", async () => ((await this.query("vector(1)")).length === 1 ? true : undefined));
  }

  /** Where this machine reaches it. */
  async onNode(): Promise<string> {
    const ref = { apiVersion: "v1", kind: "Service", namespace: this.#namespace, name: "prometheus" };
    const [port] = ((await this.#kube.get(ref))["spec"] as { readonly ports: readonly unknown[] }).ports;
    return `http://${this.#cluster.nodeAddress}:${numberAt(port, "nodePort")}`;
  }

  /** Asks a question in PromQL. */
  async query(promql: string): Promise<readonly Sample[]> {
    const url = new URL("/api/v1/query", await this.onNode());
    url.searchParams.set("query", promql);
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const answer = (await response.json()) as Answer;
    if (answer.data === undefined) throw new Error(`Prometheus on ${promql}: ${answer.error ?? answer.status}`);
    return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Waits until the answer is as wanted. */
  until(
    promql: string,
    holds: (samples: readonly Sample[]) => boolean,
    options: UntilOptions = {},
  ): Promise<readonly Sample[]> {
    return until(
      `Prometheus on ${promql}`,
      async (saw) => {
        const samples = await this.query(promql);
        saw(JSON.stringify(samples));
        return holds(samples) ? samples : undefined;
      },
      options,
    );
  }

  /** Takes it away and brings it back: an outage of Prometheus. */
  async scale(replicas: 0 | 1): Promise<void> {
    await this.#kube.scale(
      { apiVersion: "apps/v1", kind: "Deployment", namespace: this.#namespace, name: "prometheus" },
      replicas,
    );
    await this.#kube.waitAvailable(this.#namespace, "prometheus");
  }

  /** Deletes what is in no namespace; the rest goes with its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { apiVersion, kind, metadata } of this.#objects()) {
      const name = stringAt(metadata, "name");
      if (metadata?.namespace !== undefined || name === undefined) continue;
      await this.#kube.delete({ apiVersion: apiVersion ?? "v1", kind: kind ?? "", name });
    }
  }

  #objects() {
    return prometheusManifests({ namespace: this.#namespace, image: this.#image });
  }
}
