import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WorkingCopy } from "../apps/gitRepo.ts";
import { type GitServer, startGitServer } from "../apps/gitServer.ts";
import { appImages, prometheusImage } from "../apps/images.ts";
import type { Cluster } from "../cluster/index.ts";
import { ApiProxy } from "./apiProxy.ts";
import { applyCrds, assertNoCrds, deleteCrds } from "./crds.ts";
import { owned } from "./ending.ts";
import { type InstalledOperator, type InstallOptions, installOperator, type Operator } from "./install.ts";
import { Kube } from "./kube.ts";
import { Monitoring } from "./monitoring.ts";
import { Namespaces } from "./namespaces.ts";
import { OperatorProcess } from "./operatorProcess.ts";
import { sharedOrOwnCluster } from "./sharedCluster.ts";
import { DEPLOY, Shop, type ShopOptions } from "./shop.ts";

/** What a suite needs; every part is off unless asked for, but the Git server. */
export interface SceneOptions {
  /** The images of the shop and of the load generator. */
  readonly apps?: boolean;
  readonly prometheus?: boolean;
  /** In the cluster by its chart, as a process of this machine, or not at all; the CRDs are there in any case. */
  readonly operator: "pod" | "process" | "none";
  /** How it is installed, for "pod". */
  readonly install?: InstallOptions;
  /** More arguments of `fairlead run`, for "process". */
  readonly args?: readonly string[];
  /** A proxy between the API server and the operator, for "process". */
  readonly proxy?: boolean;
  /** A cluster of the caller's; else the one of the test run, else one of its own. */
  readonly cluster?: Cluster;
  readonly log?: (line: string) => void;
}

/** The stage of a suite: a cluster and what was asked for in it. It leaves nothing behind. */
export class Scene implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly kube: Kube;
  readonly git: GitServer;
  readonly #parts: Parts;

  /** `openScene` makes scenes. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.cluster = parts.cluster;
    this.kube = parts.kube;
    this.git = parts.git;
  }

  /** References of the images for pods. */
  get images(): { readonly shop: string; readonly load: string } {
    return asked(this.#parts.images, "apps: true");
  }

  get monitoring(): Monitoring {
    return asked(this.#parts.monitoring, "prometheus: true");
  }

  get operator(): Operator {
    return asked(this.#parts.operator, "an operator");
  }

  /** The operator that was installed by its chart. */
  get installed(): InstalledOperator {
    const { operator } = this.#parts;
    return asked(operator !== undefined && "killLeader" in operator ? operator : undefined, 'operator: "pod"');
  }

  /** The operator that runs as a process of this machine. */
  get process(): OperatorProcess {
    const { operator } = this.#parts;
    return asked(operator instanceof OperatorProcess ? operator : undefined, 'operator: "process"');
  }

  get proxy(): ApiProxy {
    return asked(this.#parts.proxy, "proxy: true");
  }

  /** A path for files of the suite, which go with the scene. */
  scratch(name: string): string {
    return join(this.#parts.scratch, name);
  }

  /** Makes a namespace that nobody else uses; it goes with the scene. */
  namespace(prefix: string): Promise<string> {
    return this.#parts.namespaces.make(prefix);
  }

  /** A shop in a namespace and a repository of its own. */
  async shop(options: ShopOptions): Promise<Shop> {
    const { kube, git, operator, monitoring } = this.#parts;
    const { name = "web" } = options;
    const namespace = await this.namespace(name);
    const repo = namespace;
    await git.createRepo(repo);
    const copy = await WorkingCopy.init({
      directory: this.scratch(repo),
      remote: git.httpsUrl(repo),
      env: git.clientEnv,
    });
    // A process of this machine does not find Services by their names.
    const isPod = operator !== undefined && !(operator instanceof OperatorProcess);
    const prometheus = isPod ? monitoring?.inCluster : await monitoring?.onNode();
    const place = { namespace, name, image: this.images.shop, prometheus, path: DEPLOY };
    return Shop.open({ kube, git, place, copy, repo, images: this.images, operatorUrl: operator?.url }, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.undo.disposeAsync();
  }
}

interface Parts {
  readonly undo: AsyncDisposableStack;
  readonly cluster: Cluster;
  readonly kube: Kube;
  readonly namespaces: Namespaces;
  readonly git: GitServer;
  readonly scratch: string;
  readonly images: { readonly shop: string; readonly load: string } | undefined;
  readonly monitoring: Monitoring | undefined;
  readonly operator: InstalledOperator | OperatorProcess | undefined;
  readonly proxy: ApiProxy | undefined;
}

/** Sets a stage. What was set up is taken down in reverse order: at the end, and also when setting up fails half-way. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { log = () => {} } = options;
  await using undo = new AsyncDisposableStack();
  const cluster = options.cluster ?? owned(undo, "the cluster", await sharedOrOwnCluster(log));
  const scratch = await mkdtemp(join(tmpdir(), "fairlead-scene-"));
  undo.defer(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));
  const kube = owned(undo, "the client", new Kube(cluster.kubeconfig));
  const monitoringPlace = owned(undo, "the namespace of Prometheus", new Namespaces(kube));
  const images = options.apps ? await loadApps(cluster, log) : undefined;
  const git = owned(undo, "the Git server", await startGitServer({ host: cluster.hostAddress }));
  const monitoring = options.prometheus ? await beginMonitoring(undo, cluster, kube, monitoringPlace, log) : undefined;
  const { operator, proxy } = await startOperator(
    undo,
    cluster,
    kube,
    owned(undo, "the operator's namespace", new Namespaces(kube)),
    options,
    log,
  );
  await monitoring?.ready();
  // Those of the suite go first, while the operator is there.
  const namespaces = owned(undo, "the suite's namespaces", new Namespaces(kube));
  undo.defer(() => monitoringPlace.begin());
  const parts = { cluster, kube, namespaces, git, scratch, images, monitoring, operator, proxy };
  return new Scene({ undo: undo.move(), ...parts });
}

async function loadApps(cluster: Cluster, log: (line: string) => void): Promise<Parts["images"]> {
  const { shop, load } = await appImages(log);
  for (const { tar } of [shop, load]) await cluster.loadImage(tar);
  return { shop: shop.reference, load: load.reference };
}

async function beginMonitoring(
  undo: AsyncDisposableStack,
  cluster: Cluster,
  kube: Kube,
  namespaces: Namespaces,
  log: (line: string) => void,
): Promise<Monitoring> {
  const { tar, reference } = await prometheusImage(log);
  await cluster.loadImage(tar);
  const monitoring = new Monitoring(kube, cluster, await namespaces.make("monitoring"), reference);
  owned(undo, "Prometheus", monitoring);
  await monitoring.begin();
  return monitoring;
}

async function startOperator(
  undo: AsyncDisposableStack,
  cluster: Cluster,
  kube: Kube,
  namespaces: Namespaces,
  options: SceneOptions,
  log: (line: string) => void,
): Promise<Pick<Parts, "operator" | "proxy">> {
  if (options.operator === "pod") {
    return {
      operator: owned(undo, "the operator", await installOperator(cluster, { log, ...options.install })),
      proxy: undefined,
    };
  }
  await assertNoCrds(kube);
  undo.defer(() => deleteCrds(kube));
  await applyCrds(kube);
  if (options.operator === "none") return { operator: undefined, proxy: undefined };
  const namespace = await namespaces.make("fairlead-system");
  const proxy = options.proxy ? owned(undo, "the proxy", await ApiProxy.start(cluster.kubeconfig)) : undefined;
  const kubeconfig = proxy?.kubeconfig ?? cluster.kubeconfig;
  const { args = [] } = options;
  return {
    operator: owned(undo, "the operator", await OperatorProcess.start({ kubeconfig, namespace, args, log })),
    proxy,
  };
}

function asked<T>(part: T | undefined, what: string): T {
  if (part === undefined) throw new Error(`the scene was opened without ${what}`);
  return part;
}
