import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WorkingCopy } from "../../e2e/apps/gitRepo.ts";
import { type GitServer, startGitServer } from "../../e2e/apps/gitServer.ts";
import { toYaml } from "../../e2e/apps/shop.ts";
import { until } from "../../e2e/apps/until.ts";
import { openControlPlane } from "../../e2e/cluster/index.ts";
import { applyCrds } from "../../e2e/harness/crds.ts";
import { conditionOf, Kube } from "../../e2e/harness/kube.ts";
import { OperatorProcess } from "../../e2e/harness/operatorProcess.ts";
import { numberAt, stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { API_VERSION, Mark } from "../../src/api/v1alpha1/names.ts";
import { appObjects } from "./app.ts";
import { News } from "./news.ts";
import { between, type Requests, requestsIn } from "./requests.ts";

/** Where the GitSyncs and their objects are. */
const NAMESPACE = "apps";
const REPO = "apps";
const TOKEN = "the-token-of-all-webhooks";

/** Everything that the bench runs on: etcd, an API server, the controllers of Kubernetes, a Git server with one repository, and the operator. */
export class Stage implements AsyncDisposable {
  readonly kube: Kube;
  readonly operator: OperatorProcess;
  readonly news: News;
  readonly #git: GitServer;
  readonly #copy: WorkingCopy;
  readonly #undo: AsyncDisposableStack;

  private constructor(
    parts: Pick<Stage, "kube" | "operator" | "news">,
    git: GitServer,
    copy: WorkingCopy,
    undo: AsyncDisposableStack,
  ) {
    this.kube = parts.kube;
    this.operator = parts.operator;
    this.news = parts.news;
    this.#git = git;
    this.#copy = copy;
    this.#undo = undo;
  }

  /** Sets the stage, with the first commit pushed and no GitSync yet. */
  static async open(apps: readonly string[], log: (line: string) => void): Promise<Stage> {
    await using undo = new AsyncDisposableStack();
    const plane = undo.use(await openControlPlane({ log, controllers: true }));
    const scratch = await mkdtemp(join(tmpdir(), "fairlead-bench-"));
    undo.defer(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));
    const kube = undo.use(new Kube(plane.kubeconfig));
    const git = undo.use(await startGitServer({ host: "127.0.0.1", ssh: false }));
    await git.createRepo(REPO);
    const directory = join(scratch, "copy");
    const copy = await WorkingCopy.init({ directory, remote: git.httpsUrl(REPO), env: git.clientEnv });
    await copy.change("Begin", Object.fromEntries(apps.map((app) => [fileOf(app), toYaml(appObjects(app))])));
    await applyCrds(kube);
    for (const name of ["fairlead-system", NAMESPACE]) {
      await kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    }
    const credentials = { username: git.username, password: git.password, "ca.crt": git.ca };
    for (const [name, stringData] of [
      ["git", credentials],
      ["hook", { token: TOKEN }],
    ] as const) {
      await kube.apply({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: NAMESPACE }, stringData });
    }
    const news = undo.use(await News.open(plane.kubeconfig));
    const operator = undo.use(
      await OperatorProcess.start({ kubeconfig: plane.kubeconfig, namespace: "fairlead-system" }),
    );
    return new Stage({ kube, operator, news }, git, copy, undo.move());
  }

  /** Makes the GitSync of an app. */
  async sync(app: string): Promise<void> {
    const spec = {
      url: this.#git.httpsUrl(REPO),
      path: `apps/${app}`,
      interval: "10m",
      secretRef: { name: "git" },
      webhook: { secretRef: { name: "hook" } },
    };
    await this.kube.apply({
      apiVersion: API_VERSION,
      kind: "GitSync",
      metadata: { name: app, namespace: NAMESPACE },
      spec,
    });
  }

  /** Lets pushes from now on tell the operator of one app. */
  hook(app: string): void {
    this.#git.addWebhook(REPO, { url: `${this.operator.url}/hooks/${NAMESPACE}/${app}`, secret: TOKEN });
  }

  /** Commits another image of an app and pushes. Answers the commit and when the push began, by the monotonic clock. */
  async release(app: string, image: string): Promise<{ readonly sha: string; readonly pushedAt: number }> {
    await this.#copy.write({ [fileOf(app)]: toYaml(appObjects(app, image)) });
    const sha = await this.#copy.commit(`Release ${image} of ${app}`);
    const pushedAt = performance.now();
    await this.#copy.push();
    return { sha, pushedAt };
  }

  /** Asks for a check of an app's GitSync. */
  async check(app: string, request: string): Promise<void> {
    const ref = { apiVersion: API_VERSION, kind: "GitSync", namespace: NAMESPACE, name: app };
    await this.kube.patch(ref, { metadata: { annotations: { [Mark.requestedAt]: request } } });
  }

  /** Waits until so many GitSyncs are as wanted. */
  async untilSyncs(what: string, count: number, holds: (sync: Manifest) => boolean, timeoutMs: number): Promise<void> {
    await this.news.until(
      `${count} GitSyncs to be ${what}`,
      () => this.news.syncs().filter(holds).length >= count,
      timeoutMs,
    );
  }

  /** Waits until the controllers of Kubernetes have seen all Deployments of a namespace. */
  async untilObserved(namespace: string, timeoutMs: number): Promise<void> {
    await until(
      `the Deployments of ${namespace} to be observed`,
      async (saw) => {
        const all = await this.kube.list("apps/v1", "Deployment", { namespace });
        const left = all.filter((one) => (numberAt(one, "status", "observedGeneration") ?? 0) < 1).length;
        saw(`${left} of ${all.length} not yet`);
        return left === 0 ? true : undefined;
      },
      { timeoutMs, everyMs: 100 },
    );
  }

  /** What the operator sends while something goes on. Events, which it writes in the background, are waited for. */
  async requestsDuring(work: () => Promise<void>): Promise<Requests> {
    const before = await this.#settled();
    await work();
    return between(before, await this.#settled());
  }

  /** Readings a second apart that are equal: nothing is under way any more. */
  async #settled(): Promise<Requests> {
    let last = "";
    return until(
      "the operator to be at rest",
      async (saw) => {
        const now = requestsIn(await this.operator.metrics());
        const [before, text] = [last, JSON.stringify(now)];
        last = text;
        saw(text);
        return before === text ? now : undefined;
      },
      { timeoutMs: 60_000, everyMs: 1_000 },
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

/** Tells whether a GitSync is applied as a whole, at a commit if one is given. */
export function isApplied(sync: Manifest, sha?: string): boolean {
  const ready = conditionOf(sync, "Ready");
  return ready?.status === "True" && (sha === undefined || stringAt(sync, "status", "appliedRevision") === sha);
}

/** Tells whether a GitSync has answered a request for a check. */
export function hasAnswered(sync: Manifest, request: string): boolean {
  return stringAt(sync, "status", "lastHandledRequest") === request;
}

function fileOf(app: string): string {
  return `apps/${app}/all.yaml`;
}
