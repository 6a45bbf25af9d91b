import process from "node:process";
import { type Cluster, openCluster } from "../cluster/index.ts";
import { claimOf, processesOf, tracesOf } from "../cluster/traces.ts";
import { waitFor } from "../cluster/wait.ts";
import { Kube } from "../harness/kube.ts";
import { openScene, type Scene } from "../harness/scene.ts";

/** The cluster with all that the story needs in it, and how long it took to get there. */
export interface Stage extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly scene: Scene;
  readonly clusterMs: number;
  readonly sceneMs: number;
  /** Takes everything down and says what is left, a line each. */
  takeDown(): Promise<readonly string[]>;
}

const CLUSTER_WIDE = [
  ["v1", "Namespace"],
  ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
  ["rbac.authorization.k8s.io/v1", "ClusterRole"],
  ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"],
] as const;

/** Opens a cluster, installs the operator by its chart, and starts Git and Prometheus. */
export async function setStage(log: (line: string) => void, signal: AbortSignal): Promise<Stage> {
  await using undo = new AsyncDisposableStack();
  const started = performance.now();
  const cluster = undo.use(await openCluster({ log, signal }));
  const clusterMs = performance.now() - started;
  log(`the cluster is up after ${(clusterMs / 1_000).toFixed(1)} s`);
  const kube = undo.use(new Kube(cluster.kubeconfig));
  const before = await clusterWide(kube);
  signal.throwIfAborted();
  const scene = undo.use(await openScene({ apps: true, prometheus: true, operator: "pod", cluster, log }));
  signal.throwIfAborted();
  const sceneMs = performance.now() - started - clusterMs;
  log(`the operator, Git and Prometheus are up after ${(sceneMs / 1_000).toFixed(1)} s`);
  const all = undo.move();
  return {
    cluster,
    scene,
    clusterMs,
    sceneMs,
    takeDown: async () => {
      await scene[Symbol.asyncDispose]();
      const inCluster = (await clusterWide(kube)).filter((name) => !before.includes(name));
      const onMachine = await machineTraces(cluster, () => all.disposeAsync());
      return [...inCluster, ...onMachine];
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function clusterWide(kube: Kube): Promise<readonly string[]> {
  const lists = await Promise.all(
    CLUSTER_WIDE.map(async ([apiVersion, kind]) =>
      (await kube.list(apiVersion, kind)).map(({ metadata }) => `${kind} ${metadata.name}`),
    ),
  );
  return lists.flat();
}

/** Takes the cluster down; of one that was made on this machine everything has to go: processes, mounts, links, cgroups. */
async function machineTraces(cluster: Cluster, dispose: () => Promise<void>): Promise<readonly string[]> {
  if (cluster.provider !== "local") {
    await dispose();
    return [];
  }
  const claim = claimOf(cluster.kubeconfig);
  const processes = processesOf(claim);
  await dispose();
  let traces: readonly string[] = [];
  const look = async () => {
    traces = tracesOf(claim, processes);
    return traces.length === 0 ? { value: traces } : { seen: traces.join("; ") };
  };
  return waitFor("the cluster to be gone", look, { limitMs: 20_000 }).catch(() => traces);
}

/** A signal that Ctrl-C aborts. The second Ctrl-C leaves at once: the cluster's keeper then cleans up behind us. */
export function stopOnSignals(onFirst: () => void): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      onFirst();
      stop.abort(new DOMException(`${name} was received`, "AbortError"));
    });
  }
  return stop.signal;
}
