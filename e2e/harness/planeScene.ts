import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GitServer, startGitServer } from "../apps/gitServer.ts";
import { openControlPlane } from "../cluster/index.ts";
import { ApiProxy } from "./apiProxy.ts";
import { applyCrds } from "./crds.ts";
import { owned } from "./ending.ts";
import { Kube } from "./kube.ts";
import { OperatorProcess } from "./operatorProcess.ts";
import { GitProject, type ProjectOptions } from "./project.ts";

/** What a suite without pods needs; the Git server, the CRDs and the operator are always there. */
export interface PlaneOptions {
  /** A proxy between the API server and the operator. */
  readonly proxy?: boolean;
  /** Flags of the operator beside those that it needs here. */
  readonly args?: readonly string[];
  /** Kubernetes' own controllers: Deployments get pods, which `StandInPods` makes ready. */
  readonly controllers?: boolean;
  readonly log?: (line: string) => void;
}

interface Parts {
  readonly undo: AsyncDisposableStack;
  readonly kube: Kube;
  readonly git: GitServer;
  readonly operator: OperatorProcess;
  readonly proxy: ApiProxy | undefined;
  readonly scratch: string;
}

/** The stage of a suite that needs no node: etcd, an API server, a Git server and the operator as a process. */
export class PlaneScene implements AsyncDisposable {
  readonly kube: Kube;
  readonly git: GitServer;
  readonly operator: OperatorProcess;
  readonly #parts: Parts;

  /** `openPlaneScene` makes scenes. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.kube = parts.kube;
    this.git = parts.git;
    this.operator = parts.operator;
  }

  get proxy(): ApiProxy {
    if (this.#parts.proxy === undefined) throw new Error("the scene was opened without proxy: true");
    return this.#parts.proxy;
  }

  /** A path for files of the suite, which go with the scene. */
  scratch(name: string): string {
    return join(this.#parts.scratch, name);
  }

  /** Makes a namespace of a name that nobody else uses. It goes with the API server: nothing here could end it. */
  async namespace(prefix: string): Promise<string> {
    const name = `${prefix}-${randomBytes(3).toString("hex")}`;
    await this.kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return name;
  }

  /** A repository and a GitSync that follows it, in a namespace of its own. */
  async project(options: ProjectOptions = {}): Promise<GitProject> {
    const namespace = options.namespace ?? (await this.namespace(options.name ?? "app"));
    return GitProject.open({ ...this.#parts, operatorUrl: this.operator.url, namespace }, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.undo.disposeAsync();
  }
}

/** Sets the stage. What was set up is taken down in reverse order: at the end, and also when setting up fails half-way. */
export async function openPlaneScene(options: PlaneOptions = {}): Promise<PlaneScene> {
  const { args = [], controllers = false, log = () => {} } = options;
  await using undo = new AsyncDisposableStack();
  const plane = owned(undo, "the control plane", await openControlPlane({ log, controllers }));
  const scratch = await mkdtemp(join(tmpdir(), "fairlead-plane-"));
  undo.defer(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));
  const kube = owned(undo, "the client", new Kube(plane.kubeconfig));
  const git = owned(undo, "the Git server", await startGitServer({ host: "127.0.0.1" }));
  await applyCrds(kube);
  const namespace = "fairlead-system";
  await kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const proxy = options.proxy ? owned(undo, "the proxy", await ApiProxy.start(plane.kubeconfig)) : undefined;
  const kubeconfig = proxy?.kubeconfig ?? plane.kubeconfig;
  const operator = owned(undo, "the operator", await OperatorProcess.start({ kubeconfig, namespace, args, log }));
  return new PlaneScene({ undo: undo.move(), kube, git, operator, proxy, scratch });
}
