import { stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { until } from "../apps/until.ts";
import type { Cluster } from "../cluster/index.ts";
import { assertNoCrds, deleteCrds } from "./crds.ts";
import { helm } from "./helm.ts";
import { isPodReady, Kube } from "./kube.ts";
import { deleteNamespace } from "./namespaces.ts";
import { operatorImage } from "./operatorImage.ts";

/** How the operator is installed. */
export interface InstallOptions {
  readonly namespace?: string;
  /** 2 when absent, as the chart has it. */
  readonly replicas?: number;
  /** More values of the chart, as `--set` takes them. */
  readonly set?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
}

/** An operator under test, wherever it runs. */
export interface Operator extends AsyncDisposable {
  /** The namespace of its Lease. */
  readonly namespace: string;
  /** All that it has said so far. */
  logs(): Promise<string>;
  /** Its metrics, in Prometheus' text format; of the leader, where there are several. */
  metrics(): Promise<string>;
  /** Ends it in order, starts it again and waits until it leads. */
  restart(): Promise<void>;
  /** Where this machine reaches its HTTP server: push webhooks go there. */
  readonly url: string;
}

/** An operator that was installed into a cluster by its chart. */
export interface InstalledOperator extends Operator {
  /** The name of the pod that leads now. */
  leader(): Promise<string>;
  /** Deletes the leading pod with hardly a moment to stop in, and waits until another one leads. */
  killLeader(): Promise<void>;
}

const NAME = "fairlead";
const PORT = 8080;

/**
 * Installs the operator as users do: its image and `helm install` of its chart. Returns when one of its pods leads.
 * Disposing uninstalls it, with its CRDs and namespace.
 */
export async function installOperator(cluster: Cluster, options: InstallOptions = {}): Promise<InstalledOperator> {
  const { namespace = "fairlead-system", replicas = 2, log = () => {} } = options;
  await using undo = new AsyncDisposableStack();
  const kube = undo.use(new Kube(cluster.kubeconfig));
  await assertNoCrds(kube);
  const { tar, reference } = await operatorImage(log);
  await cluster.loadImage(tar);
  const [repository = "", tag = ""] = reference.split(":");
  const values: Readonly<Record<string, string>> = {
    "image.repository": repository,
    "image.tag": tag,
    "image.pullPolicy": "Never",
    "service.type": "NodePort",
    replicas: String(replicas),
    ...options.set,
  };
  const at = ["--namespace", namespace, "--kubeconfig", cluster.kubeconfig];
  undo.defer(() => uninstall(kube, namespace, at));
  const set = Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  await helm(["install", NAME, "charts/fairlead", "--create-namespace", ...at, ...set], log);
  await untilLeading(kube, namespace);
  const service = await kube.get({ apiVersion: "v1", kind: "Service", namespace, name: NAME });
  const [port] = (service["spec"] as { readonly ports: readonly { readonly nodePort: number }[] }).ports;
  const url = `http://${cluster.nodeAddress}:${port?.nodePort}`;
  // kube-proxy may be a moment behind the readiness of the pods.
  await until(`the operator to answer at ${url}`, async (saw) => {
    const { status } = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
    saw(`status ${status}`);
    return status === 200 ? true : undefined;
  });
  const all = undo.move();
  return {
    namespace,
    url,
    logs: () => logsOf(kube, namespace),
    metrics: async () => kube.podText(namespace, await leaderOf(kube, namespace), PORT, "/metrics"),
    leader: () => leaderOf(kube, namespace),
    restart: async () => {
      await kube.kubectl(["rollout", "restart", `deployment/${NAME}`, "-n", namespace]);
      await kube.waitAvailable(namespace, NAME, { timeoutMs: 120_000 });
      await untilLeading(kube, namespace);
    },
    killLeader: async () => {
      const pod = await leaderOf(kube, namespace);
      await kube.kubectl(["delete", "pod", pod, "-n", namespace, "--grace-period=0", "--force"]);
      await untilLeading(kube, namespace);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function uninstall(kube: Kube, namespace: string, at: readonly string[]): Promise<void> {
  // While the operator is there, it finishes what is deleted; what it does not finish is let go.
  await deleteCrds(kube);
  await helm(["uninstall", NAME, "--ignore-not-found", ...at]);
  await deleteNamespace(kube, namespace);
}

/** Waits until a ready pod holds the lease; an operator that does not get there is quoted. */
async function untilLeading(kube: Kube, namespace: string): Promise<void> {
  try {
    await until("a ready pod of the operator to lead", (saw) => findLeader(kube, namespace, saw), {
      timeoutMs: 90_000,
    });
  } catch (error) {
    const logs = await logsOf(kube, namespace).catch(String);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${logs.slice(-4_000)}`);
  }
}

async function leaderOf(kube: Kube, namespace: string): Promise<string> {
  return until("a leading pod", (saw) => findLeader(kube, namespace, saw), { timeoutMs: 60_000 });
}

async function findLeader(kube: Kube, namespace: string, saw: (what: string) => void): Promise<string | undefined> {
  const pods = await operatorPods(kube, namespace);
  const holders = await leaseHolders(kube, namespace);
  const ready = pods.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined);
  const states = pods.map((pod) => `${pod.metadata.name} ${isPodReady(pod) ? "ready" : JSON.stringify(pod["status"])}`);
  saw(`lease held by ${holders.join(", ") || "nobody"}; pods: ${states.join("; ") || "none"}`);
  // A holder is called after its pod, whose name is its host's.
  return ready.find(({ metadata: { name } }) => holders.some((holder) => holder.startsWith(name)))?.metadata.name;
}

function operatorPods(kube: Kube, namespace: string): Promise<readonly Manifest[]> {
  return kube.list("v1", "Pod", { namespace, labels: "app.kubernetes.io/name=fairlead" });
}

/** Who holds the Leases of a namespace. */
export async function leaseHolders(kube: Kube, namespace: string): Promise<readonly string[]> {
  const leases = await kube.list("coordination.k8s.io/v1", "Lease", { namespace });
  return leases.map((lease) => stringAt(lease, "spec", "holderIdentity") ?? "").filter((holder) => holder !== "");
}

/** Gives the Leases of a namespace back, as a process that ends in order does: the next one need not wait for them to run out. */
export async function freeLeases(kube: Kube, namespace: string): Promise<void> {
  for (const { apiVersion, kind, metadata } of await kube.list("coordination.k8s.io/v1", "Lease", { namespace })) {
    await kube.delete({ apiVersion, kind, namespace, name: metadata.name });
  }
}

async function logsOf(kube: Kube, namespace: string): Promise<string> {
  const texts: string[] = [];
  for (const { metadata } of await operatorPods(kube, namespace)) {
    for (const previous of [true, false]) {
      const text = await kube.logs(namespace, metadata.name, { previous }).catch(() => "");
      if (text !== "") texts.push(`== ${metadata.name}${previous ? " before its restart" : ""}\n${text}`);
    }
  }
  return texts.join("\n");
}
