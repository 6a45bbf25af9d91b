import type { Json } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Cursor, Origin, Selection } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { parseRollout, type RolloutSpec, type RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import type { Observed, RolloutWorld } from "../../controllers/rollout/reconcile.ts";
import type { Judgement } from "../../core/analysis/judge.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import { rivalIn, type Written, wrote } from "../../core/rollout/routes/fight.ts";
import { type Word, weightOf } from "../../core/rollout/routes/word.ts";
import type { Autoscaled, Seen } from "../../core/rollout/seen.ts";
import { overlaidSelector } from "../../core/rollout/selection.ts";
import { type Turn, waitsFor } from "../../core/rollout/turns.ts";
import type { Answer, DueCall } from "../../core/rollout/webhooks.ts";
import { deployment, type Lags, noticed, reachedBy, SimCluster, type SimDeployment, START } from "./cluster.ts";
import { measured } from "./prometheus.ts";
import { Receivers } from "./receivers.ts";
import { SimJobs } from "./simJobs.ts";

/** Thrown where a simulated operator dies; the next one comes after a while. */
export class Crash extends Error {
  readonly awayMs: number;

  constructor(where: string, awayMs = 0) {
    super(`the operator dies ${where}`);
    this.awayMs = awayMs;
  }
}

/** For so long at least a way back waits for pods of stable. */
const WAITED_FOR_MS = 15_000;

/**
 * A rollout's world in memory: Git, Prometheus and the API server around a simulated cluster. A request is lost when a node
 * still knows a pod that was stopped, or knows none at all.
 */
export class SimWorld extends SimCluster implements RolloutWorld {
  /** What Git says. */
  git: { template: string; replicas: number | undefined };
  spec: Record<string, Json>;
  status: RolloutStatus = {};
  deleting = false;
  /** A sync is in the middle of a commit. */
  arriving = false;
  /** The commit that the sync stands at. */
  origin: Origin | undefined;
  /** An autoscaler targets the workload. */
  autoscaled: Autoscaled | undefined;
  /** The callers' Service does not exist. */
  serviceGone = false;
  /** What the Gateway has against the route once a rollout has written to it. */
  refusal: string | undefined;
  /** What a rollout wrote to the route, and how often it put that back. */
  written: Written | undefined;
  /** Where the rollout stands among those of its namespace. */
  turn: Turn | undefined;
  readonly receivers = new Receivers();
  readonly unfitChecks = new Map<string, string>();
  readonly jobs = new SimJobs();
  /** Revision that each preview Service reaches, by the Service's name. */
  readonly previews = new Map<string, string>();
  released = false;
  finalizer = false;
  /** Called before each write; throws a Crash where the operator is to die. */
  beforeWrite: (what: string) => void = () => {};
  /** Since when the operator looks on; in the future while there is none. */
  watchedSince = START;
  readonly log: string[] = [];
  /** The highest number of replicas that Git has asked for. */
  mostReplicas: number;
  /** The lowest: what was decided for fewer may be done when there are to be more. */
  leastReplicas: number;
  /** Since when more pods of stable may be left of a time in which another tool had the route: epoch milliseconds. */
  takenBackAt: number | undefined;
  /** Revisions for which Prometheus has answered with a value inside the limits. */
  readonly passed = new Set<string>();
  /** Revisions that Git has approved. */
  readonly approved = new Set<string>();
  /** Looks at each decision that is reported. */
  onDecision: (decision: Decision) => void = () => {};
  #parsed: { readonly from: unknown; readonly spec: RolloutSpec } | undefined;

  constructor(options: { template: string; replicas: number; spec: Record<string, Json>; lags?: Lags }) {
    super(options.template, options.replicas, options.lags);
    this.git = { template: options.template, replicas: options.replicas };
    this.spec = options.spec;
    this.mostReplicas = options.replicas;
    this.leastReplicas = options.replicas;
  }

  /** A commit: the sync applies the Deployment with the overlay, so its replicas stay as the rollout wants them. */
  push(template: string): void {
    this.git = { ...this.git, template };
    this.workload.template = template;
    this.settle();
  }

  observe(): Observed | undefined {
    if (this.released) return undefined;
    const object: Manifest = {
      apiVersion: "fairlead.dev/v1alpha1",
      kind: "ProgressiveRollout",
      metadata: { name: "web", namespace: "shop", generation: 1 },
      spec: { workloadRef: { name: "web" }, serviceRef: { name: "web" }, ...this.spec },
    };
    if (this.#parsed?.from !== this.spec) this.#parsed = { from: this.spec, spec: parseRollout(object).spec };
    const rollout = { object, spec: this.#parsed.spec, status: this.status };
    const web = this.pods.filter((pod) => pod.revision === undefined && pod.gone === undefined);
    const seen: Seen = {
      spec: rollout.spec,
      deleting: this.deleting,
      cursor: this.status.rollout,
      workload: {
        target: this.workload.template,
        identity: this.workload.template,
        template: this.workload.template,
        replicas: this.workload.replicas,
        ...(this.git.replicas === undefined ? {} : { gitReplicas: this.git.replicas }),
        ready: noticed(this.workload)
          ? web.filter((pod) => this.ready(pod) && pod.template === this.workload.template).length
          : 0,
        pods: noticed(this.workload) ? web.length : Number.POSITIVE_INFINITY,
      },
      service: this.serviceGone ? undefined : { selector: this.selector },
      watchedSince: this.watchedSince,
      ...(this.origin === undefined ? {} : { origin: this.origin }),
      arriving: this.arriving,
      autoscaled: this.autoscaled,
      revisions: [...this.revisions].map(([hash, { replicas, template }]) => {
        const refused = this.refusals.get(hash);
        return { hash, replicas, template, ...(refused === undefined ? {} : { refused }) };
      }),
      pods: this.pods.map((pod) => this.seen(pod)),
      previews: [...this.previews].map(([name, revision]) => ({ name, revision })),
      routes: rollout.spec.routeRefs.map(({ kind, name }) => ({
        kind,
        name,
        said: this.route,
        cramped: false,
        waits: undefined,
        refusal: this.refusal,
        ...this.#rival(),
      })),
      ...(this.turn === undefined ? {} : { turn: this.turn }),
      jobs: this.jobs.seen(this.now),
      unfitChecks: this.unfitChecks,
      endpoints: this.seenEndpoints(),
      ownEndpoints: this.seenOwnEndpoints(),
    };
    return { rollout, seen };
  }

  async prepare(): Promise<void> {}

  claim(): Promise<void> | undefined {
    return this.finalizer ? undefined : this.#claim();
  }

  async #claim(): Promise<void> {
    this.beforeWrite("AddFinalizer");
    this.finalizer = true;
  }

  async report(_observed: Observed, status: RolloutStatus, decision: Decision | undefined): Promise<void> {
    this.beforeWrite("status");
    const starts = this.status.rollout?.candidate === undefined && status.rollout?.candidate !== undefined;
    if (starts && this.turn !== undefined && waitsFor(this.turn) !== undefined)
      throw new Error(`a rollout starts before its turn: ${JSON.stringify(this.turn)}`);
    this.status = status;
    if (decision !== undefined) this.onDecision(decision);
  }

  trouble(): boolean {
    return false;
  }

  /** Here only a crash fails a write. */
  isFatal(): boolean {
    return true;
  }

  measure(observed: Observed, cursor: Cursor): readonly Judgement[] {
    const readings = {
      candidate: this.behaviour(cursor.candidate ?? "").reading,
      stable: this.behaviour(cursor.stable).reading,
    };
    const judgements = measured(observed.seen.spec.analysis, cursor, readings, this.now);
    if (judgements.every(({ counts }) => counts === "Pass")) this.passed.add(cursor.candidate ?? "");
    return judgements;
  }

  deliver(_observed: Observed, due: readonly DueCall[]): readonly Answer[] {
    return this.receivers.deliver(this.status.rollout?.calls ?? [], due, this);
  }

  async execute(_observed: Observed, effect: Effect): Promise<void> {
    this.beforeWrite(effect.do);
    this.log.push(describe(effect));
    switch (effect.do) {
      case "CreateRevision":
        this.revisions.set(effect.revision, this.revisions.get(effect.revision) ?? deployment(effect.revision, 0));
        this.#revision(effect.revision).replicas = effect.replicas;
        break;
      case "ScaleRevision":
        this.#revision(effect.revision).replicas = effect.replicas;
        break;
      case "RemoveRevision":
        for (const pod of this.pods) if (pod.revision === effect.revision && pod.gone === undefined) this.stop(pod);
        this.revisions.delete(effect.revision);
        break;
      case "RestartRevision":
      case "OwnCopies":
        break;
      case "ScaleWorkload":
        this.workload.replicas = effect.replicas;
        break;
      case "RestoreTemplate":
        this.workload.template = effect.revision;
        break;
      case "Select":
        if (effect.selection.kind === "Revision" && this.route === "Git")
          this.#assertCarried(100, effect.selection.revision);
        this.#select(effect.selection);
        break;
      case "Route": {
        for (const revision of reachedBy(effect.word)) {
          if (revision !== this.status.rollout?.stable && !this.isKnownToGateways(revision))
            throw new Error(
              `requests are lost: the route goes to ${revision}, of which a gateway knows no endpoint yet`,
            );
        }
        this.#assertCarried(effect.word === "Git" ? 100 : weightOf(effect.word, this.status.rollout?.stable ?? ""));
        this.written = wrote(this.written, effect.word, "argocd", this.now);
        this.route = effect.word;
        break;
      }
      case "MarkPod": {
        const pod = this.pods.find(({ uid }) => uid === effect.uid);
        if (pod !== undefined) pod.labels = { ...pod.labels, [Mark.serving]: effect.serving };
        break;
      }
      case "Preview":
        this.previews.set(effect.service, effect.revision);
        break;
      case "RemovePreview":
        this.previews.delete(effect.service);
        break;
      case "RunCheck":
        if (this.status.rollout?.checks.every(({ state }) => state !== "Running"))
          throw new Error(`${effect.run} is started before it is stored`);
        this.jobs.run(effect.check, effect.run, this.now);
        break;
      case "RemoveJob":
        this.jobs.remove(effect.job);
        break;
      case "BeginScale":
        this.spec = { ...this.spec, replicas: effect.replicas };
        break;
      case "Release":
        this.released = true;
        break;
    }
    this.settle();
    this.follow();
  }

  /**
   * On a way back stable gets no more than its ready pods can carry, as long as it is waited for them: the candidate carries
   * the rest, as far as it can.
   */
  #assertCarried(weight: number, revision = this.status.rollout?.stable): void {
    const { stage, stable = "", candidate, replicas = 0, enteredAt = "" } = this.status.rollout ?? {};
    if (stage !== "Returning" || revision !== stable || candidate === undefined) return;
    const ready = (of: string) => this.podsOf(of).filter((pod) => pod.ready).length;
    const waited = this.now - Date.parse(enteredAt) >= WAITED_FOR_MS;
    const before = this.route === "Git" ? this.#shareOfService(stable) : weightOf(this.route, stable);
    const can = Math.floor((100 * ready(stable)) / Math.max(1, Math.min(replicas, this.leastReplicas)));
    if (waited || ready(candidate) === 0 || weight <= Math.max(before, can)) return;
    throw new Error(`requests are too many: weight ${weight} goes to ${ready(stable)} ready pods of ${stable}`);
  }

  /** The part of the Service's endpoints that are pods of a revision, in percent. */
  #shareOfService(revision: string): number {
    const served = this.endpoints();
    const own = this.podsOf(revision).filter(({ name }) => served.has(name));
    return served.size === 0 ? 0 : (100 * own.length) / served.size;
  }

  #rival() {
    const rival = rivalIn(this.written, this.now);
    return rival === undefined ? {} : { rival };
  }

  #select(selection: Selection): void {
    this.selector = overlaidSelector(this.selector, selection);
  }

  #revision(hash: string): SimDeployment {
    const found = this.revisions.get(hash);
    if (found === undefined) throw new Error(`no revision ${hash}: the operator acted on something that is not there`);
    return found;
  }
}

/** One line of a golden log for an effect. */
function describe(effect: Effect): string {
  const { do: verb, ...rest } = effect;
  const words = Object.entries(rest)
    .filter(([key]) => key !== "uid")
    .map(([key, value]) => (effect.do === "Route" && key === "word" ? told(effect.word) : said(value)));
  return [verb, ...words].join(" ");
}

function told(word: Word | "Git"): string {
  if (word === "Git") return word;
  const parts = word.parts.map(({ revision, weight, ticket }) =>
    said([revision, weight, ticket].filter(Boolean).join(" ")),
  );
  const chosen = word.chosen.map(
    ({ revision, headers }) => `${headers.map(({ name }) => name).join(" or ")} to ${revision}`,
  );
  return [parts.join(", "), ...chosen].join("; ");
}

function said(value: unknown): string {
  if (Array.isArray(value)) return value.map((one: unknown) => said(one)).join(", ");
  return typeof value === "object" && value !== null ? Object.values(value).join(" ") : String(value);
}
