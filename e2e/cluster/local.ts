import { join } from "node:path";
import { binary, goProgram } from "./binaries.ts";
import { makeCgroups } from "./cgroups.ts";
import { hostAddress, nodeAddress } from "./claims.ts";
import { type Component, type Place, runIn } from "./components.ts";
import { importImage, startContainerd } from "./containerd.ts";
import { type RunningApi, startApi, startControllers, waitForComponents } from "./controlPlane.ts";
import { startDns } from "./dns.ts";
import { hold } from "./holder.ts";
import { buildImage } from "./images.ts";
import { nodeName, startKubelet, startProxy } from "./kubelet.ts";
import { makeNamespaces } from "./namespaces.ts";
import { sweep } from "./removal.ts";
import { checkRequirements } from "./requirements.ts";
import { type Access, call } from "./rest.ts";
import type { Cluster, ClusterOptions } from "./types.ts";

const programs = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "coredns",
];

/** Starts a node of its own on this machine, in namespaces that vanish with it. */
export async function openLocalCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { log = () => {}, signal } = options;
  const { plugins } = checkRequirements();
  await sweep(log);
  for (const program of programs) await binary(program, log);
  const pause = await pauseImage(log);
  signal?.throwIfAborted();
  const held = await hold("cluster");
  try {
    const place = await makeNamespaces(held);
    const cgroupRoot = makeCgroups(held.claim);
    const address = nodeAddress(held.claim.slot);
    const endpoints = { address, bind: "0.0.0.0", apiPort: 6443, etcdPort: 2379, etcdPeerPort: 2380 };
    const [api, containerd] = await Promise.all([
      startApi(place, endpoints, log, signal),
      startNodeRuntime(place, plugins, pause.reference, pause.tar),
    ]);
    await startControllers(place, api, log);
    const components = [
      ...api.components,
      containerd,
      startKubelet(place, await binary("kubelet"), api.kubeconfigFor("kubelet"), cgroupRoot),
      startProxy(place, await binary("kube-proxy"), api.kubeconfigFor("kube-proxy")),
      await startDns(place, await binary("coredns"), api.kubeconfigFor("admin"), api.access),
    ];
    await waitUntilUsable(place, api, components, signal);
    return {
      provider: "local",
      name: options.name ?? `local-${held.claim.slot}`,
      kubeconfig: api.kubeconfigFor("admin"),
      url: api.access.url,
      hostAddress: hostAddress(held.claim.slot),
      nodeAddress: address,
      loadImage: (tar, abort) => importImage(place, tar, abort),
      [Symbol.asyncDispose]: () => held.letGo(),
    };
  } catch (error) {
    await held.letGo();
    throw error;
  }
}

async function startNodeRuntime(
  place: Place,
  plugins: string,
  sandboxImage: string,
  sandboxTar: string,
): Promise<Component> {
  const containerd = await startContainerd(place, sandboxImage, plugins);
  await importImage(place, sandboxTar);
  return containerd;
}

async function pauseImage(log: (line: string) => void): Promise<{ readonly tar: string; readonly reference: string }> {
  const program = await goProgram(join(import.meta.dirname, "pause"), ".", log);
  return buildImage({ name: "fairlead.local/pause", files: [{ from: program, to: "/pause" }], entrypoint: ["/pause"] });
}

/** A pod created from now on is scheduled, started, finds names, and is reached through Services. */
async function waitUntilUsable(
  place: Place,
  api: RunningApi,
  components: readonly Component[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { access } = api;
  await waitForComponents(
    "the node to take pods",
    components,
    async () => {
      const missing = (await Promise.all([nodeProblem(access), accountProblem(access), servicesProblem(place)])).filter(
        Boolean,
      );
      return missing.length === 0 ? { value: undefined } : { seen: missing.join("; ") };
    },
    signal,
  );
}

async function nodeProblem(access: Access): Promise<string | undefined> {
  const { status, body } = await call(access, "GET", `/api/v1/nodes/${nodeName}`);
  if (status !== 200) return `node: ${status}`;
  const node = JSON.parse(body) as {
    spec: { taints?: { key: string }[] };
    status: { conditions?: { type: string; status: string; message: string }[] };
  };
  const ready = node.status.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status !== "True") return `node not ready: ${ready?.message ?? "no condition"}`;
  return node.spec.taints?.length ? `node has taints ${node.spec.taints.map(({ key }) => key).join(", ")}` : undefined;
}

async function accountProblem(access: Access): Promise<string | undefined> {
  const paths = ["serviceaccounts/default", "configmaps/kube-root-ca.crt"];
  for (const path of paths) {
    const { status } = await call(access, "GET", `/api/v1/namespaces/default/${path}`);
    if (status !== 200) return `${path}: ${status}`;
  }
  return undefined;
}

/** kube-proxy has written its rules, and CoreDNS has read the cluster. */
async function servicesProblem(place: Place): Promise<string | undefined> {
  const probe = `curl -sf --max-time 2 http://127.0.0.1:10256/healthz && curl -sf --max-time 2 http://127.0.0.1:8181/ready`;
  return runIn(place, ["/bin/sh", "-c", probe]).then(
    () => undefined,
    () => "kube-proxy or CoreDNS not ready",
  );
}
