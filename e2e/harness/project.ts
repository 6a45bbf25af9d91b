import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type JsonObject, numberAt, stringAt } from "../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../src/api/objects.ts";
import { parseGitSync } from "../../src/api/v1alpha1/gitsync.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import { WorkingCopy } from "../apps/gitRepo.ts";
import type { GitServer } from "../apps/gitServer.ts";
import { type UntilOptions, until } from "../apps/until.ts";
import { conditionOf, type Kube } from "./kube.ts";

/** Files of a project by their path below its directory; `undefined` removes one. */
export type ProjectFiles = Readonly<Record<string, string | undefined>>;

/** How a project begins. */
export interface ProjectOptions {
  /** Name of the GitSync and beginning of the namespace's; `app` when absent. */
  readonly name?: string;
  /** An existing namespace; one of its own when absent. */
  readonly namespace?: string;
  /** The first commit; without files there is none, and the repository is empty. */
  readonly files?: ProjectFiles;
  /** Follows the repository of another project, by its working copy. */
  readonly beside?: GitProject;
  readonly transport?: "https" | "ssh";
  readonly webhook?: boolean;
  /** Anything else of the GitSync's spec; `interval` is 1s unless set here. It wins, and null takes a field out. */
  readonly spec?: JsonObject;
}

/** What a project stands on. */
export interface ProjectGround {
  readonly kube: Kube;
  readonly git: GitServer;
  readonly scratch: string;
  readonly operatorUrl: string;
  readonly namespace: string;
}

const DIRECTORY = "deploy";

/** A repository and the GitSync that follows it: a developer's view of it, and an SRE's. */
export class GitProject {
  readonly name: string;
  readonly namespace: string;
  readonly repo: string;
  readonly copy: WorkingCopy;
  readonly ref: ObjectRef;
  readonly #ground: ProjectGround;

  private constructor(ground: ProjectGround, name: string, repo: string, copy: WorkingCopy) {
    this.#ground = ground;
    this.name = name;
    this.namespace = ground.namespace;
    this.repo = repo;
    this.copy = copy;
    this.ref = { apiVersion: API_VERSION, kind: "GitSync", namespace: ground.namespace, name };
  }

  /** Pushes the first commit, then makes the Secrets and the GitSync. */
  static async open(ground: ProjectGround, options: ProjectOptions): Promise<GitProject> {
    const { name = "app", beside, files } = options;
    const { git } = ground;
    const repo = beside?.repo ?? `${ground.namespace}-${name}`;
    if (beside === undefined) await git.createRepo(repo);
    const copy =
      beside?.copy ??
      (await WorkingCopy.init({
        directory: join(ground.scratch, repo),
        remote: git.httpsUrl(repo),
        env: git.clientEnv,
      }));
    const project = new GitProject(ground, name, repo, copy);
    if (files !== undefined) await project.push("Begin", files);
    await project.#make(options);
    return project;
  }

  /** Commits files below the directory that the sync applies, and pushes; gives the commit's id. */
  push(message: string, files: ProjectFiles): Promise<string> {
    const below = Object.entries(files).map(([path, text]) => [`${DIRECTORY}/${path}`, text] as const);
    return this.copy.change(message, Object.fromEntries(below));
  }

  /** The GitSync as it is now. */
  sync(): Promise<Manifest> {
    return this.#ground.kube.get(this.ref);
  }

  /** Changes the GitSync's spec. */
  change(spec: JsonObject): Promise<Manifest> {
    return this.#ground.kube.patch(this.ref, { spec });
  }

  /** A reference to an object in the project's namespace. */
  refTo(apiVersion: string, kind: string, name: string): ObjectRef {
    return { apiVersion, kind, namespace: this.namespace, name };
  }

  /** Waits until the GitSync is as wanted. */
  until(what: string, holds: (sync: Manifest) => boolean, options: UntilOptions = {}): Promise<Manifest> {
    return this.#ground.kube.waitFor(this.ref, what, holds, options);
  }

  /** Waits until a commit is applied as a whole. */
  untilApplied(sha: string, options: UntilOptions = {}): Promise<Manifest> {
    const holds = (sync: Manifest) =>
      stringAt(sync, "status", "appliedRevision") === sha && conditionOf(sync, "Ready")?.status === "True";
    return this.until(`${sha} applied`, holds, options);
  }

  /** Waits until Ready has a status and reason for the latest spec; gives the message. */
  async untilReady(status: string, reason: string, text = "", options: UntilOptions = {}): Promise<string> {
    const sync = await this.until(
      `Ready=${status} (${reason}) ${text}`,
      (now) => {
        const ready = conditionOf(now, "Ready");
        const seen = numberAt(now, "status", "observedGeneration") === now.metadata.generation;
        return seen && ready?.status === status && ready.reason === reason && ready.message.includes(text);
      },
      options,
    );
    return conditionOf(sync, "Ready")?.message ?? "";
  }

  /** Waits for an Event of the GitSync whose message has a text; gives the message. */
  untilEvent(reason: string, text = "", options: UntilOptions = {}): Promise<string> {
    return until(
      `Event ${reason} with "${text}"`,
      async (saw) => {
        const all = (await this.events()).map((event) => `${event.reason}: ${event.message}`);
        saw(all.join("\n"));
        return all.find((one) => one.startsWith(`${reason}: `) && one.includes(text));
      },
      options,
    );
  }

  /** The Events of the GitSync so far. */
  async events(): Promise<readonly { readonly type: string; readonly reason: string; readonly message: string }[]> {
    const events = await this.#ground.kube.list("v1", "Event", { namespace: this.namespace });
    return events
      .filter((event) => stringAt(event, "involvedObject", "name") === this.name)
      .map((event) => ({
        type: stringAt(event, "type") ?? "",
        reason: stringAt(event, "reason") ?? "",
        message: stringAt(event, "message") ?? "",
      }));
  }

  /** Ids of the objects in the stored inventory. */
  async inventory(): Promise<readonly string[]> {
    return (parseGitSync(await this.sync()).status.inventory ?? []).map(({ id }) => id);
  }

  async #make({ transport = "https", webhook = false, spec = {} }: ProjectOptions): Promise<void> {
    const { kube, git, operatorUrl } = this.#ground;
    const { name, namespace, repo } = this;
    const secret = (what: string, stringData: Readonly<Record<string, string>>) =>
      kube.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: `${name}-${what}`, namespace }, stringData });
    const overHttps = { username: git.username, password: git.password, "ca.crt": git.ca };
    const overSsh = { identity: git.sshPrivateKey, known_hosts: git.knownHosts };
    await secret("git", transport === "ssh" ? overSsh : overHttps);
    if (webhook) {
      const token = randomBytes(16).toString("hex");
      await secret("webhook", { token });
      git.addWebhook(repo, { url: `${operatorUrl}/hooks/${namespace}/${name}`, secret: token });
    }
    const usual = {
      url: transport === "ssh" ? git.sshUrl(repo) : git.httpsUrl(repo),
      path: DIRECTORY,
      interval: "1s",
      secretRef: { name: `${name}-git` },
      ...(webhook ? { webhook: { secretRef: { name: `${name}-webhook` } } } : {}),
    };
    const wanted = Object.entries({ ...usual, ...spec }).filter(([, value]) => value !== null);
    await kube.apply({
      apiVersion: API_VERSION,
      kind: "GitSync",
      metadata: { name, namespace },
      spec: Object.fromEntries(wanted),
    });
  }
}
