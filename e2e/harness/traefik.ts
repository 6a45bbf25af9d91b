import { type Manifest, refOf } from "../../src/api/objects.ts";
import { traefikImage } from "../apps/images.ts";
import { until } from "../apps/until.ts";
import { defineGatewayApi, STANDARD_KINDS } from "./gatewayApi.ts";
import { conditionOf, type Kube } from "./kube.ts";
import { GATEWAY } from "./routes.ts";
import type { Scene } from "./scene.ts";

const PORT = 8000;
const CLASS = "fairlead-e2e-traefik";
const API = "gateway.networking.k8s.io";
const RBAC = "rbac.authorization.k8s.io";

/** How Traefik is set up. */
export interface TraefikOptions {
  /** The least time between two changes of its configuration; 2s, as it comes, when absent. */
  readonly throttle?: string;
}

/**
 * Real Gateways: a Traefik for each namespace that is served, by all definitions of Gateway API's standard channel. It
 * stands where the tests' own gateway stands, under the same name, so that a shop can be behind either.
 */
export class Traefik implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #image: string;
  readonly #undo: AsyncDisposableStack;

  private constructor(kube: Kube, image: string, undo: AsyncDisposableStack) {
    this.#kube = kube;
    this.#image = image;
    this.#undo = undo;
  }

  /** Builds Traefik the first time, and defines Gateway API with a class of its own. */
  static async open({ kube, cluster }: Scene, log: (line: string) => void): Promise<Traefik> {
    await using undo = new AsyncDisposableStack();
    const image = await traefikImage(log);
    await cluster.loadImage(image.tar);
    undo.use(await defineGatewayApi(kube, STANDARD_KINDS));
    await applyForNow(kube, undo, [gatewayClass, clusterRole]);
    return new Traefik(kube, image.reference, undo.move());
  }

  /** Starts the gateway of a namespace and waits until its routes are served. */
  async serve(namespace: string, { throttle = "2s" }: TraefikOptions = {}): Promise<void> {
    const kube = this.#kube;
    await applyForNow(kube, this.#undo, [clusterRoleBinding(namespace)]);
    await kube.applyAll(gatewayManifests(namespace, this.#image, throttle));
    await kube.waitPodReady(namespace, GATEWAY);
    await kube.waitFor(
      { apiVersion: `${API}/v1`, kind: "Gateway", namespace, name: GATEWAY },
      "programmed",
      (gateway) => conditionOf(gateway, "Programmed")?.status === "True",
    );
    await until(`an answer through the gateway of ${namespace}`, async () => {
      await kube.podText(namespace, GATEWAY, PORT, "/");
      return true;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

/** Applies objects that are of no namespace, and so go with the stack. */
async function applyForNow(kube: Kube, undo: AsyncDisposableStack, objects: readonly Manifest[]): Promise<void> {
  for (const object of objects) {
    undo.defer(() => kube.delete(refOf(object)));
    await kube.apply(object);
  }
}

const gatewayClass: Manifest = {
  apiVersion: `${API}/v1`,
  kind: "GatewayClass",
  metadata: { name: CLASS },
  spec: { controllerName: "traefik.io/gateway-controller" },
};

/** What Traefik's own documentation gives it. */
const clusterRole: Manifest = {
  apiVersion: `${RBAC}/v1`,
  kind: "ClusterRole",
  metadata: { name: CLASS },
  rules: [
    {
      apiGroups: [""],
      resources: ["namespaces", "services", "secrets", "configmaps"],
      verbs: ["get", "list", "watch"],
    },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    { apiGroups: [API], resources: [...STANDARD_KINDS], verbs: ["get", "list", "watch"] },
    { apiGroups: [API], resources: STANDARD_KINDS.map((kind) => `${kind}/status`), verbs: ["update"] },
  ],
};

function clusterRoleBinding(namespace: string): Manifest {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: `${CLASS}-${namespace}` },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: CLASS },
    subjects: [{ kind: "ServiceAccount", name: GATEWAY, namespace }],
  };
}

function gatewayManifests(namespace: string, image: string, throttle: string): readonly Manifest[] {
  const metadata = { name: GATEWAY, namespace, labels: { app: GATEWAY } };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: `${API}/v1`,
      kind: "Gateway",
      metadata,
      // Traefik finds the entry point of a listener by its port.
      spec: { gatewayClassName: CLASS, listeners: [{ name: "web", protocol: "HTTP", port: PORT }] },
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
            image,
            imagePullPolicy: "Never",
            args: [
              "--providers.kubernetesgateway=true",
              `--providers.kubernetesgateway.namespaces=${namespace}`,
              `--entrypoints.web.address=:${PORT}`,
              `--providers.providersthrottleduration=${throttle}`,
              "--ping=true",
              "--global.checknewversion=false",
              "--global.sendanonymoususage=false",
            ],
            ports: [{ name: "http", containerPort: PORT }],
            readinessProbe: { httpGet: { path: "/ping", port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
            resources: { requests: { cpu: "200m", memory: "64Mi" } },
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
  ];
}
