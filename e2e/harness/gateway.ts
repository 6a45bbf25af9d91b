import { gatewayImage } from "../apps/images.ts";
import { defineGatewayApi, GROUP } from "./gatewayApi.ts";
import { GATEWAY, PLURALS } from "./routes.ts";
import type { Scene } from "./scene.ts";

/** What a gateway follows, and how late it is; 0s when absent. Both at 0s is a gateway that follows at once. */
export interface GatewayOptions {
  readonly kind?: "HTTPRoute" | "GRPCRoute";
  readonly routes?: string;
  readonly endpoints?: string;
}

/** Where its requests are sent to, from within the namespace. */
export const GATEWAY_TARGET = `http://${GATEWAY}`;

/**
 * Serves routes with gateways of our own, by the definitions of Gateway API's own release: those of its experimental channel,
 * which have fields that Fairlead has never heard of.
 */
export class Gateways implements AsyncDisposable {
  readonly #scene: Scene;
  readonly #image: string;
  readonly #definitions: AsyncDisposable;

  private constructor(scene: Scene, image: string, definitions: AsyncDisposable) {
    this.#scene = scene;
    this.#image = image;
    this.#definitions = definitions;
  }

  /** Loads the gateway's image, and defines the routes. */
  static async open(scene: Scene, log: (line: string) => void): Promise<Gateways> {
    const image = await gatewayImage(log);
    await scene.cluster.loadImage(image.tar);
    const definitions = await defineGatewayApi(scene.kube, Object.values(PLURALS), "experimental");
    return new Gateways(scene, image.reference, definitions);
  }

  /** Starts the gateway of a namespace and waits until it serves. */
  async serve(namespace: string, options: GatewayOptions = {}): Promise<void> {
    const { kube } = this.#scene;
    const metadata = { name: GATEWAY, namespace, labels: { app: GATEWAY } };
    const rbac = "rbac.authorization.k8s.io";
    const { kind = "HTTPRoute", routes = "0s", endpoints = "0s" } = options;
    const plural = PLURALS[kind];
    await kube.applyAll([
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata,
        rules: [
          { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] },
          { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
          { apiGroups: [GROUP], resources: [plural], verbs: ["list", "watch"] },
          { apiGroups: [GROUP], resources: [`${plural}/status`], verbs: ["patch"] },
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
              args: [
                ...[`--namespace=${namespace}`, `--routes=${plural}`],
                ...[`--routes-delay=${routes}`, `--endpoints-delay=${endpoints}`],
              ],
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
