import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest, ObjectRef } from "../../src/api/objects.ts";
import { gatewayImage } from "../apps/images.ts";
import { toYaml } from "../apps/shop.ts";
import { moduleSources } from "../cluster/binaries.ts";
import { conditionOf } from "./kube.ts";
import type { Scene } from "./scene.ts";

/** How late a gateway is; 0s when absent. Both at 0s is a gateway that follows at once. */
export interface GatewayDelays {
  readonly routes?: string;
  readonly endpoints?: string;
}

const NAME = "gate";
/** Where its requests are sent to, from within the namespace. */
export const GATEWAY_TARGET = `http://${NAME}`;
const CRD = "httproutes.gateway.networking.k8s.io";
const crdRef: ObjectRef = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: CRD };

/** Serves HTTPRoutes with gateways of our own, by the definitions of Gateway API's own release. */
export class Gateways implements AsyncDisposable {
  readonly #scene: Scene;
  readonly #image: string;

  private constructor(scene: Scene, image: string) {
    this.#scene = scene;
    this.#image = image;
  }

  /** Refuses a cluster that has HTTPRoutes already: they would go with the tests' own definition. */
  static async open(scene: Scene, log: (line: string) => void): Promise<Gateways> {
    const { kube, cluster } = scene;
    if ((await kube.find(crdRef)) !== undefined) throw new Error(`the cluster has the CRD ${CRD} already`);
    const image = await gatewayImage(log);
    await cluster.loadImage(image.tar);
    const sources = await moduleSources("gateway-api", "sigs.k8s.io/gateway-api");
    const crd = join(sources, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml");
    await kube.kubectl(["apply", "--server-side", "-f", "-"], await readFile(crd, "utf8"));
    await kube.waitFor(crdRef, "established", (one) => conditionOf(one, "Established")?.status === "True");
    return new Gateways(scene, image.reference);
  }

  /** Starts the gateway of a namespace and waits until it serves. */
  async serve(namespace: string, delays: GatewayDelays = {}): Promise<void> {
    const { kube } = this.#scene;
    const metadata = { name: NAME, namespace, labels: { app: NAME } };
    const rbac = "rbac.authorization.k8s.io";
    const { routes = "0s", endpoints = "0s" } = delays;
    await kube.applyAll([
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata,
        rules: [
          { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] },
          { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
          { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes"], verbs: ["list", "watch"] },
          { apiGroups: ["gateway.networking.k8s.io"], resources: ["httproutes/status"], verbs: ["patch"] },
        ],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata,
        roleRef: { apiGroup: rbac, kind: "Role", name: NAME },
        subjects: [{ kind: "ServiceAccount", name: NAME, namespace }],
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: {
          serviceAccountName: NAME,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: NAME,
              image: this.#image,
              imagePullPolicy: "Never",
              args: [`--namespace=${namespace}`, `--routes-delay=${routes}`, `--endpoints-delay=${endpoints}`],
              ports: [{ name: "http", containerPort: 8000 }],
              readinessProbe: { httpGet: { path: "/-/healthz", port: "http" }, periodSeconds: 1, timeoutSeconds: 10 },
              resources: { requests: { cpu: "20m", memory: "16Mi" } },
            },
          ],
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { selector: { app: NAME }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
      },
    ]);
    await kube.waitPodReady(namespace, NAME);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { kube } = this.#scene;
    await kube.delete(crdRef);
    await kube.waitGone(crdRef, { timeoutMs: 60_000 });
  }
}

/** A route of a shop as it stands in Git, with a rule and a backend that no rollout may touch. */
export function routeFile(name: string): string {
  const route: Manifest = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name },
    spec: {
      parentRefs: [{ name: NAME }],
      rules: [
        {
          matches: [{ path: { type: "Exact", value: "/elsewhere" } }],
          filters: [
            { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-other", value: "1" }] } },
          ],
          backendRefs: [{ name: "elsewhere", port: 80, weight: 7 }],
        },
        { matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs: [{ name, port: 80 }] },
      ],
    },
  };
  const elsewhere: Manifest = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "elsewhere" },
    spec: { selector: { app: "elsewhere" }, ports: [{ port: 80 }] },
  };
  return toYaml([route, elsewhere]);
}
