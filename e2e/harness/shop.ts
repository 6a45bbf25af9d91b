import { randomBytes } from "node:crypto";
import { stringAt } from "../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../src/api/objects.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import type { WorkingCopy } from "../apps/gitRepo.ts";
import type { GitServer } from "../apps/gitServer.ts";
import type { LoadOptions } from "../apps/load.ts";
import type { UntilOptions } from "../apps/until.ts";
import { conditionOf, type Kube } from "./kube.ts";
import { RunningLoad } from "./load.ts";
import { type RolloutChoice, type ShopPlace, type ShopVersion, shopFiles } from "./shopFiles.ts";

/** The shop as it is first committed. */
export interface ShopOptions extends ShopVersion {
  /** `web` when absent; also the name of the GitSync, the ProgressiveRollout and the repository. */
  readonly name?: string;
  /** No ProgressiveRollout when absent. */
  readonly rollout?: RolloutChoice;
  /** How often Git is asked; 1s when absent. */
  readonly interval?: string;
  readonly prune?: boolean;
  /** Whether the Git server tells the operator of pushes. */
  readonly webhook?: boolean;
  readonly transport?: "https" | "ssh";
  /** Files of the repository besides, by their path in it; those below `deploy/` are applied. */
  readonly files?: Readonly<Record<string, string>>;
}

/** What a commit changes of the shop; everything else stays. */
export interface ShopChange extends Partial<ShopVersion> {
  /** `null` takes the ProgressiveRollout out of Git. */
  readonly rollout?: RolloutChoice | null;
  /** Files by their path in the repository; `undefined` removes one. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly message?: string;
}

/** What a shop stands on. */
export interface ShopGround {
  readonly kube: Kube;
  readonly git: GitServer;
  readonly place: ShopPlace;
  readonly copy: WorkingCopy;
  readonly repo: string;
  readonly images: { readonly load: string };
  /** Where push webhooks go. */
  readonly operatorUrl: string | undefined;
}

/** The directory that the shop's GitSync applies. */
export const DEPLOY = "deploy";

/** A shop in a namespace and a repository of its own: a developer's view of it, and an SRE's. */
export class Shop {
  readonly namespace: string;
  readonly name: string;
  readonly copy: WorkingCopy;
  readonly repo: string;
  readonly syncRef: ObjectRef;
  readonly rolloutRef: ObjectRef;
  readonly deploymentRef: ObjectRef;
  readonly #ground: ShopGround;
  #version: ShopVersion;
  #rollout: RolloutChoice | undefined;

  private constructor(ground: ShopGround, options: ShopOptions) {
    const { namespace, name } = ground.place;
    this.#ground = ground;
    this.namespace = namespace;
    this.name = name;
    this.copy = ground.copy;
    this.repo = ground.repo;
    this.syncRef = { apiVersion: API_VERSION, kind: "GitSync", namespace, name };
    this.rolloutRef = { ...this.syncRef, kind: "ProgressiveRollout" };
    this.deploymentRef = { apiVersion: "apps/v1", kind: "Deployment", namespace, name };
    this.#version = options;
    this.#rollout = options.rollout;
  }

  /** Commits and pushes the first version, then makes the account, the Secret and the GitSync. */
  static async open(ground: ShopGround, options: ShopOptions): Promise<Shop> {
    const shop = new Shop(ground, options);
    await shop.push({
      message: `Add ${options.version}`,
      ...(options.files === undefined ? {} : { files: options.files }),
    });
    await ground.kube.applyAll(shop.#objects(options));
    if (options.webhook) {
      if (ground.operatorUrl === undefined) throw new Error("a webhook needs an operator to tell");
      ground.git.addWebhook(ground.repo, {
        url: `${ground.operatorUrl}/hooks/${shop.namespace}/${shop.name}`,
        secret: shop.#token,
      });
    }
    return shop;
  }

  readonly #token = randomBytes(16).toString("hex");

  /** Commits and pushes a change, as a developer does; gives the commit's id. */
  async push(change: ShopChange = {}): Promise<string> {
    const { rollout, files = {}, message, ...version } = change;
    this.#version = { ...this.#version, ...version };
    if (rollout !== undefined) this.#rollout = rollout ?? undefined;
    const own = shopFiles(this.#ground.place, this.#version, this.#rollout);
    const gone = rollout === null ? { [`${DEPLOY}/rollout.yaml`]: undefined } : {};
    return this.copy.change(message ?? `Change to ${this.#version.version}`, { ...own, ...gone, ...files });
  }

  /** Reverts a commit by a new one and pushes it; gives the new commit's id. */
  async revert(sha: string): Promise<string> {
    const reverted = await this.copy.revert(sha);
    await this.copy.push();
    return reverted;
  }

  /** Starts a steady load on the shop's Service, from a pod beside it. */
  load(
    rate: number,
    options: Partial<Pick<LoadOptions, "name" | "keepAlive" | "target" | "header" | "grpc">> = {},
  ): Promise<RunningLoad> {
    const { namespace } = this;
    const target = `http://${this.name}`;
    return RunningLoad.start(this.#ground.kube, {
      namespace,
      target,
      rate,
      image: this.#ground.images.load,
      ...options,
    });
  }

  /** The GitSync as it is now. */
  sync(): Promise<Manifest> {
    return this.#ground.kube.get(this.syncRef);
  }

  /** The ProgressiveRollout as it is now. */
  rollout(): Promise<Manifest> {
    return this.#ground.kube.get(this.rolloutRef);
  }

  /** The Deployment of Git as it is now. */
  deployment(): Promise<Manifest> {
    return this.#ground.kube.get(this.deploymentRef);
  }

  /** Waits until a commit is applied as a whole. */
  untilApplied(sha: string, options: UntilOptions = {}): Promise<Manifest> {
    return this.untilSync(`${sha} applied`, (sync) => stringAt(sync, "status", "appliedRevision") === sha, options);
  }

  /** Waits until the GitSync is as wanted. */
  untilSync(what: string, holds: (sync: Manifest) => boolean, options: UntilOptions = {}): Promise<Manifest> {
    return this.#ground.kube.waitFor(this.syncRef, what, holds, options);
  }

  /** Waits until the ProgressiveRollout is as wanted. */
  untilRollout(what: string, holds: (rollout: Manifest) => boolean, options: UntilOptions = {}): Promise<Manifest> {
    return this.#ground.kube.waitFor(this.rolloutRef, what, holds, { timeoutMs: 180_000, ...options });
  }

  /** Waits until a condition of the ProgressiveRollout has a status and, where given, a reason. */
  untilCondition(type: string, status: string, reason?: string, options: UntilOptions = {}): Promise<Manifest> {
    const holds = (rollout: Manifest): boolean => {
      const condition = conditionOf(rollout, type);
      return condition?.status === status && (reason === undefined || condition.reason === reason);
    };
    return this.untilRollout(`${type}=${status}${reason === undefined ? "" : ` (${reason})`}`, holds, options);
  }

  #objects({ interval = "1s", prune = true, webhook = false, transport = "https" }: ShopOptions): readonly Manifest[] {
    const { git, repo } = this.#ground;
    const { namespace, name } = this;
    const rbac = "rbac.authorization.k8s.io";
    const account = `${name}-deployer`;
    const overHttps = { username: git.username, password: git.password, "ca.crt": git.ca };
    const overSsh = { identity: git.sshPrivateKey, known_hosts: git.knownHosts };
    const secret = (what: string, stringData: Readonly<Record<string, string>>): Manifest => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `${name}-${what}`, namespace },
      stringData,
    });
    return [
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, namespace } },
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: { name: account, namespace },
        rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata: { name: account, namespace },
        roleRef: { apiGroup: rbac, kind: "Role", name: account },
        subjects: [{ kind: "ServiceAccount", name: account, namespace }],
      },
      secret("git", transport === "ssh" ? overSsh : overHttps),
      ...(webhook ? [secret("webhook", { token: this.#token })] : []),
      {
        apiVersion: API_VERSION,
        kind: "GitSync",
        metadata: { name, namespace },
        spec: {
          url: transport === "ssh" ? git.sshUrl(repo) : git.httpsUrl(repo),
          ref: { branch: "main" },
          path: DEPLOY,
          interval,
          prune,
          secretRef: { name: `${name}-git` },
          serviceAccountName: account,
          ...(webhook ? { webhook: { secretRef: { name: `${name}-webhook` } } } : {}),
        },
      },
    ];
  }
}
