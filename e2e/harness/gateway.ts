import type { Manifest } from "../../src/api/objects.ts";
import { gatewayImage } from "../apps/images.ts";
import { toYaml } from "../apps/shop.ts";
import { defineGatewayApi } from "./gatewayApi.ts";
import type { Scene } from "./scene.ts";

/** How late a gateway is; 0s when absent. Both at 0s is a gateway that follows at once. */
export interface GatewayDelays {
  readonly routes?: string;
  readonly endpoints?: string;
}

/** Every gateway's name in its namespace, and that of its Service. */
export const GATEWAY = "gate";
/** Where its requests are sent to, from within the namespace. */
export const GATEWAY_TARGET = `http://${GATEWAY}`;

/** Serves HTTPRoutes with gateways of our own, by the definitions of Gateway API's own release. */
export class Gateways implements AsyncDisposable {
  readonly #scene: Scene;
  readonly #image: string;
  readonly #definitions: AsyncDisposable;

  private constructor(scene: Scene, image: string, definitions: AsyncDisposable) {
    this.#scene = scene;
    this.#image = image;
    this.#definitions = definitions;
  }

  /** Loads the gateway's image, and defines HTTPRoutes. */
  static async open(scene: Scene, log: (line: string) => void): Promise<Gateways> {
    const image = await gatewayImage(log);
    await scene.cluster.loadImage(image.tar);
    return new Gateways(scene, image.reference, await defineGatewayApi(scene.kube, ["httproutes"]));
  }

  /** Starts the gateway of a namespace and waits until it serves. */
  async serve(namespace: string, delays: GatewayDelays = {}): Promise<void> {
    const { kube } = this.#scene;
    const metadata = { name: GATEWAY, namespace, labels: { app: GATEWAY } };
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
        roleRef: { apiGroup: rbac, kind: "Role", name: GATEWAY },
        subjects: [{ kind: "ServiceAccount", name: GATEWAY, namespace }],
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: {
          serviceAccountName: GATEWAY,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: GATEWAY,
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
        spec: { selector: { app: GATEWAY }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
      },
    ]);
    await kube.waitPodReady(namespace, GATEWAY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#definitions[Symbol.asyncDispose]();
  }
}

/** A route of a shop as it stands in Git, with a rule and a backend that no rollout may touch. */
export function routeFile(name: string): string {
  const route: Manifest = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name },
    spec: {
      parentRefs: [{ name: GATEWAY }],
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
