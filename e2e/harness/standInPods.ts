import type { Manifest } from "../../src/api/objects.ts";
import { until } from "../apps/until.ts";
import { conditionOf, type Kube } from "./kube.ts";

const LIMIT_MS = 3_600_000;

/**
 * Stands in for the node of a namespace where there is none: every pod runs and is ready a moment after it is made, and goes
 * a moment after it is deleted. Kubernetes' own controllers do the rest.
 */
export class StandInPods implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #namespace: string;
  readonly #ended = new AbortController();
  readonly #working: Promise<unknown>;
  #address = 0;

  constructor(kube: Kube, namespace: string) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#working = until("the end of the pods", () => this.#look(), {
      timeoutMs: LIMIT_MS,
      everyMs: 100,
      signal: this.#ended.signal,
    }).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#working;
  }

  async #look(): Promise<undefined> {
    await this.#beat();
    for (const pod of await this.#kube.list("v1", "Pod", { namespace: this.#namespace })) await this.#run(pod);
    return undefined;
  }

  /** The node, as one that has just been heard of. Pods of a node that nobody hears of are no endpoints. */
  async #beat(): Promise<void> {
    const node: Manifest = { apiVersion: "v1", kind: "Node", metadata: { name: this.#namespace } };
    if ((await this.#kube.find({ ...node, name: this.#namespace })) === undefined) await this.#kube.create(node);
    const time = new Date().toISOString();
    const ready = { type: "Ready", status: "True", lastHeartbeatTime: time, lastTransitionTime: time };
    await this.#kube.patch({ ...node, name: this.#namespace }, { status: { conditions: [ready] } }, "status");
  }

  async #run(pod: Manifest): Promise<void> {
    const namespace = this.#namespace;
    const { name, deletionTimestamp } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 };
    if (deletionTimestamp !== undefined) return void (await this.#kube.raw({ method: "DELETE", path, body: options }));
    if (conditionOf(pod, "Ready")?.status === "True") return;
    const target = { apiVersion: "v1", kind: "Node", name: namespace };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
    // One that is bound already is refused, and needs its status only.
    await this.#kube.raw({ method: "POST", path: `${path}/binding`, body: binding }).catch(() => undefined);
    this.#address += 1;
    const podIP = `10.1.${this.#address >> 8}.${this.#address & 255}`;
    const lastTransitionTime = new Date().toISOString();
    const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: "True", lastTransitionTime }));
    const status = { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions };
    await this.#kube.patch({ apiVersion: "v1", kind: "Pod", namespace, name }, { status }, "status");
  }
}
