import type { Json } from "../../api/json.ts";
import type { Observed } from "../../controllers/rollout/reconcile.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import { SimWorld } from "./world.ts";

/** A ConfigMap in Git that several rollouts use: a commit of it is a new revision of each of them. */
export class SharedConfig {
  content = "c1";
  readonly users: ConfiguredWorld[] = [];

  commit(content: string): void {
    this.content = content;
    for (const user of this.users) user.commit(user.program);
  }
}

/**
 * A world whose pods read a ConfigMap when they start: the Deployment's own pods the shared one, those of a revision its copy.
 * Without it they never get ready. A revision is named after both: `v1@c1`.
 */
export class ConfiguredWorld extends SimWorld {
  program = "v1";
  readonly #shared: SharedConfig;
  /** Contents of the copies, by their revision. */
  readonly #copies = new Map<string, string>();
  /** What each pod has read, by its uid. */
  readonly #read = new Map<string, string | undefined>();

  constructor(shared: SharedConfig, replicas: number, spec: Record<string, Json>) {
    super({ template: `v1@${shared.content}`, replicas, spec, lags: { nodes: 1_000 } });
    this.#shared = shared;
    shared.users.push(this);
  }

  /** A commit of the Deployment. */
  commit(program: string): void {
    this.program = program;
    this.push(`${program}@${this.#shared.content}`);
  }

  /** A pod crashes and is made anew at once. */
  losePod(index: number): void {
    const alive = this.pods.filter(({ gone }) => gone === undefined);
    const pod = alive[index % Math.max(1, alive.length)];
    if (pod === undefined) return;
    pod.gone = this.now;
    this.pass(0);
  }

  /** Starts pods that have not read their configuration, and gives those that read another one than their revision's. */
  startPods(): readonly string[] {
    for (const pod of this.pods) {
      if (this.#read.has(pod.uid)) continue;
      const content = pod.revision === undefined ? this.#shared.content : this.#copies.get(pod.revision);
      this.#read.set(pod.uid, content);
      if (content === undefined) pod.readyAt = Number.POSITIVE_INFINITY;
    }
    return this.pods.flatMap(({ name, uid, revision, gone }) => {
      const content = this.#read.get(uid);
      const right = revision === undefined || gone !== undefined || revision.endsWith(`@${content}`);
      return right ? [] : [`${name} of ${revision} runs with ${content}`];
    });
  }

  override async execute(observed: Observed, effect: Effect): Promise<void> {
    if (effect.do === "CreateRevision") this.#copies.set(effect.revision, this.#shared.content);
    await super.execute(observed, effect);
    if (effect.do === "RemoveRevision") this.#copies.delete(effect.revision);
  }
}
