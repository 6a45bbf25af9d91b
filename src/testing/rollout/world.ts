import type { Json } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Cursor, Selection } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { parseRollout, type RolloutSpec, type RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import type { Observed, RolloutWorld } from "../../controllers/rollout/reconcile.ts";
import { type Judgement, judge, type Reading } from "../../core/analysis/judge.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import type { PodSeen, Seen } from "../../core/rollout/seen.ts";
import { LEFT, matches, overlaidSelector } from "../../core/rollout/selection.ts";

/** Thrown where a simulated operator dies. */
export class Crash extends Error {}

interface SimPod {
  readonly name: string;
  readonly uid: string;
  readonly revision: string | undefined;
  readonly template: string;
  labels: Record<string, string>;
  readyAt: number;
  gone: number | undefined;
  /** It was ready when it was stopped: what nodes still send there is lost by that stop and by nothing else. */
  stoppedReady: boolean;
}

interface SimDeployment {
  replicas: number;
  template: string;
  /** What its controllers have taken notice of, and when they will take notice of the rest. */
  noticed: { replicas: number; template: string };
  noticesAt: number | undefined;
}

/** How late the parts of the cluster are; milliseconds. */
export interface Lags {
  /** From a change of a Deployment to what its controllers do. */
  readonly controllers?: number;
  /** From a change of a pod or a selector to the endpoints. */
  readonly endpoints?: number;
  /** From the endpoints to what every node does. */
  readonly nodes?: number;
}

/** How a template behaves in the simulated cluster. */
export interface Behaviour {
  /** Milliseconds from start to ready; Infinity: never. */
  readonly readyAfter: number;
  /** What Prometheus answers about it. */
  readonly reading: Reading;
}

/** Wall time at which every simulation starts. */
export const START = Date.UTC(2026, 0, 1);
/** How long a stopped pod takes to vanish. */
const STOP_MS = 1_000;

/**
 * A cluster in memory that behaves as Kubernetes does as far as a rollout can tell: Deployments grow and shrink by pods,
 * endpoints follow selector and readiness, and a data plane follows the endpoints late. It loses a request when the
 * data plane still knows a pod that is gone, or knows none at all.
 */
export class SimWorld implements RolloutWorld {
  now = START;
  /** What Git says. */
  git: { template: string; replicas: number };
  spec: Record<string, Json>;
  status: RolloutStatus = {};
  deleting = false;
  /** A sync is in the middle of a commit. */
  arriving = false;
  /** An autoscaler targets the workload. */
  autoscaled = false;
  /** The callers' Service does not exist. */
  serviceGone = false;
  released = false;
  finalizer = false;
  readonly behaviours = new Map<string, Behaviour>();
  readonly workload: SimDeployment;
  readonly revisions = new Map<string, SimDeployment>();
  selector: Readonly<Record<string, string>> = { app: "web" };
  pods: SimPod[] = [];
  /** Called before each write; throws a Crash where the operator is to die. */
  beforeWrite: (what: string) => void = () => {};
  readonly log: string[] = [];
  /** The highest number of replicas that Git has asked for. */
  mostReplicas: number;
  /** Revisions for which Prometheus has answered with a value inside the limits. */
  readonly passed = new Set<string>();
  /** Revisions that Git has approved. */
  readonly approved = new Set<string>();
  /** Looks at each decision that is reported. */
  onDecision: (decision: Decision) => void = () => {};
  /** Endpoints as they were due, with the time from which they hold. */
  #history: { readonly at: number; readonly names: ReadonlySet<string> }[] = [];
  #serial = 0;
  #parsed: { readonly from: unknown; readonly spec: RolloutSpec } | undefined;
  readonly #lags: Required<Lags>;

  constructor(options: { template: string; replicas: number; spec: Record<string, Json>; lags?: Lags }) {
    this.git = { template: options.template, replicas: options.replicas };
    this.workload = deployment(options.template, options.replicas);
    this.workload.noticed = { template: options.template, replicas: options.replicas };
    this.spec = options.spec;
    this.mostReplicas = options.replicas;
    this.#lags = { controllers: 0, endpoints: 0, nodes: 0, ...options.lags };
    this.#settleControllers();
    for (const pod of this.pods) Object.assign(pod, { readyAt: START });
    this.#history = [{ at: START, names: this.endpoints() }];
  }

  /** A commit: the sync applies the Deployment with the overlay, so its replicas stay as the rollout wants them. */
  push(template: string): void {
    this.git = { ...this.git, template };
    this.workload.template = template;
    this.#settleControllers();
  }

  /** Lets time pass; controllers of the cluster work at once. */
  pass(ms: number): void {
    this.now += ms;
    this.pods = this.pods.filter((pod) => pod.gone === undefined || this.now < pod.gone);
    this.#settleControllers();
    this.#follow();
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
        replicas: this.workload.replicas,
        gitReplicas: this.git.replicas,
        ready: noticed(this.workload)
          ? web.filter((pod) => this.#ready(pod) && pod.template === this.workload.template).length
          : 0,
        pods: noticed(this.workload) ? web.length : Number.POSITIVE_INFINITY,
      },
      service: this.serviceGone ? undefined : { selector: this.selector },
      arriving: this.arriving,
      autoscaled: this.autoscaled,
      revisions: [...this.revisions].map(([hash, { replicas }]) => ({ hash, replicas })),
      pods: this.pods.map((pod) => this.#seen(pod)),
      endpoints: this.#known(this.#lags.endpoints),
    };
    return { rollout, seen };
  }

  async claim(): Promise<void> {
    if (this.finalizer) return;
    this.beforeWrite("AddFinalizer");
    this.finalizer = true;
  }

  async report(_observed: Observed, status: RolloutStatus, decision: Decision | undefined): Promise<void> {
    this.beforeWrite("status");
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
    const reading = this.behaviour(cursor.candidate ?? "").reading;
    const judgements = (observed.seen.spec.analysis?.metrics ?? []).map((metric) => judge(metric, reading));
    if (judgements.every(({ outcome }) => outcome === "Pass")) this.passed.add(cursor.candidate ?? "");
    return judgements;
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
        for (const pod of this.pods) if (pod.revision === effect.revision && pod.gone === undefined) this.#stop(pod);
        this.revisions.delete(effect.revision);
        break;
      case "RestartRevision":
        break;
      case "ScaleWorkload":
        this.workload.replicas = effect.replicas;
        break;
      case "RestoreTemplate":
        this.workload.template = effect.revision;
        break;
      case "Select":
        this.#select(effect.selection);
        break;
      case "MarkPod": {
        const pod = this.pods.find(({ uid }) => uid === effect.uid);
        if (pod !== undefined) pod.labels = { ...pod.labels, [Mark.serving]: effect.serving };
        break;
      }
      case "BeginScale":
        this.spec = { ...this.spec, replicas: effect.replicas };
        break;
      case "Release":
        this.released = true;
        break;
    }
    this.#settleControllers();
    this.#follow();
  }

  /** Names of the pods that the endpoints will have once they have caught up. */
  endpoints(): Set<string> {
    return new Set(
      this.pods.filter((pod) => this.#ready(pod) && matches(this.selector, pod.labels)).map(({ name }) => name),
    );
  }

  /** Pods that any node may still send requests to: everything that was due within the lag of endpoints and nodes. */
  reachable(): ReadonlySet<string> {
    const { endpoints, nodes } = this.#lags;
    const oldest = this.#history.findLastIndex(({ at }) => at <= this.now - endpoints - nodes);
    return new Set(this.#history.slice(Math.max(0, oldest)).flatMap(({ names }) => [...names]));
  }

  /** The endpoints as they were due some time ago. */
  #known(ago: number): ReadonlySet<string> {
    return this.#history.findLast(({ at }) => at <= this.now - ago)?.names ?? this.#history[0]?.names ?? new Set();
  }

  behaviour(template: string): Behaviour {
    return this.behaviours.get(template) ?? { readyAfter: 2_000, reading: { kind: "Value", value: 100 } };
  }

  /** Flips a pod of any revision between ready and not, as a failing probe does. */
  disturb(index: number, readyAgainAfter: number): void {
    const alive = this.pods.filter((pod) => pod.gone === undefined);
    const pod = alive[index % Math.max(1, alive.length)];
    if (pod !== undefined) pod.readyAt = this.now + readyAgainAfter;
    this.#follow();
  }

  podsOf(revision: string | undefined): readonly PodSeen[] {
    return this.pods.filter((pod) => pod.revision === revision).map((pod) => this.#seen(pod));
  }

  #select(selection: Selection): void {
    this.selector = overlaidSelector(this.selector, selection);
  }

  #revision(hash: string): SimDeployment {
    const found = this.revisions.get(hash);
    if (found === undefined) throw new Error(`no revision ${hash}: the operator acted on something that is not there`);
    return found;
  }

  #seen(pod: SimPod): PodSeen {
    const ready = this.#ready(pod);
    const { name, uid, labels } = pod;
    const terminating = pod.gone !== undefined;
    return { name, uid, labels, ready, terminating, ...(pod.revision === undefined ? {} : { revision: pod.revision }) };
  }

  #ready(pod: SimPod): boolean {
    return pod.gone === undefined && this.now >= pod.readyAt;
  }

  #settleControllers(): void {
    for (const [hash, each] of [[undefined, this.workload] as const, ...this.revisions]) {
      if (!noticed(each)) {
        each.noticesAt ??= this.now + this.#lags.controllers;
        if (this.now < each.noticesAt) continue;
        each.noticed = { replicas: each.replicas, template: each.template };
      }
      each.noticesAt = undefined;
      this.#scale(hash, each.noticed);
    }
  }

  /** A Deployment's controllers: missing pods start; surplus ones stop, unready first, then those that left the Service. */
  #scale(revision: string | undefined, deployment: SimDeployment["noticed"]): void {
    const pods = this.pods.filter((pod) => pod.revision === revision && pod.gone === undefined);
    for (const pod of pods) if (pod.template !== deployment.template) this.#stop(pod);
    const current = pods.filter((pod) => pod.gone === undefined);
    for (let missing = deployment.replicas - current.length; missing > 0; missing--)
      this.#start(revision, deployment.template);
    const surplus = [...current].sort(
      (a, b) =>
        Number(this.#ready(a)) - Number(this.#ready(b)) ||
        Number(isLeft(b)) - Number(isLeft(a)) ||
        b.readyAt - a.readyAt,
    );
    for (const pod of surplus.slice(0, Math.max(0, current.length - deployment.replicas))) this.#stop(pod);
  }

  #stop(pod: SimPod): void {
    pod.stoppedReady = this.#ready(pod);
    pod.gone = this.now + STOP_MS;
  }

  /** Pods that were stopped while they were ready and have not vanished yet. */
  stopped(): ReadonlySet<string> {
    return new Set(this.pods.filter((pod) => pod.stoppedReady).map(({ name }) => name));
  }

  #start(revision: string | undefined, template: string): void {
    const serial = ++this.#serial;
    const marks = revision === undefined ? {} : { [Mark.revision]: revision, [Mark.serving]: "true" };
    this.pods.push({
      name: `${revision ?? "web"}-${serial}`,
      uid: `uid-${serial}`,
      revision,
      template,
      labels: { app: "web", ...marks },
      readyAt: this.now + this.behaviour(template).readyAfter,
      gone: undefined,
      stoppedReady: false,
    });
  }

  #follow(): void {
    this.#history.push({ at: this.now, names: this.endpoints() });
    const { endpoints, nodes } = this.#lags;
    const oldest = this.#history.findLastIndex(({ at }) => at <= this.now - endpoints - nodes);
    this.#history = this.#history.slice(Math.max(0, oldest));
  }
}

function deployment(template: string, replicas: number): SimDeployment {
  return { template, replicas, noticed: { template, replicas: 0 }, noticesAt: undefined };
}

function noticed({ replicas, template, noticed: known }: SimDeployment): boolean {
  return known.replicas === replicas && known.template === template;
}

function isLeft(pod: SimPod): boolean {
  return pod.labels[Mark.serving] === LEFT;
}

/** One line of a golden log for an effect. */
function describe(effect: Effect): string {
  const { do: verb, ...rest } = effect;
  const words = Object.entries(rest)
    .filter(([key]) => key !== "uid")
    .map(([, value]) => (typeof value === "object" ? Object.values(value).join(" ") : String(value)));
  return [verb, ...words].join(" ");
}
