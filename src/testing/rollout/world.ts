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
  /** Revisions for which Prometheus has answered with a value inside the limits. */
  readonly passed = new Set<string>();
  /** Looks at each decision that is reported. */
  onDecision: (decision: Decision) => void = () => {};
  /** Endpoints as the data plane of every node knows them, with the time from which they hold. */
  #dataplane: { at: number; names: Set<string> }[] = [];
  #serial = 0;
  #parsed: { readonly from: unknown; readonly spec: RolloutSpec } | undefined;
  readonly #lagMs: number;

  constructor(options: { template: string; replicas: number; spec: Record<string, Json>; lagMs?: number }) {
    this.git = { template: options.template, replicas: options.replicas };
    this.workload = { template: options.template, replicas: options.replicas };
    this.spec = options.spec;
    this.#lagMs = options.lagMs ?? 0;
    this.#settleControllers();
    for (const pod of this.pods) Object.assign(pod, { readyAt: START });
    this.#dataplane = [{ at: START, names: this.endpoints() }];
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
        replicas: this.workload.replicas,
        gitReplicas: this.git.replicas,
        ready: web.filter((pod) => this.#ready(pod) && pod.template === this.workload.template).length,
        pods: web.length,
      },
      service: { selector: this.selector },
      revisions: [...this.revisions].map(([hash, { replicas }]) => ({ hash, replicas })),
      pods: this.pods.map((pod) => this.#seen(pod)),
      endpoints: this.endpoints(),
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
        this.revisions.set(effect.revision, { replicas: effect.replicas, template: effect.revision });
        break;
      case "ScaleRevision":
        this.#revision(effect.revision).replicas = effect.replicas;
        break;
      case "RemoveRevision":
        this.#revision(effect.revision).replicas = 0;
        this.#settleControllers();
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
      case "Release":
        this.released = true;
        break;
    }
    this.#settleControllers();
    this.#follow();
  }

  /** Names of the pods that the endpoints have as ready now. */
  endpoints(): Set<string> {
    return new Set(
      this.pods.filter((pod) => this.#ready(pod) && matches(this.selector, pod.labels)).map(({ name }) => name),
    );
  }

  /** Pods that any node may still send requests to: everything the data plane knew within its lag. */
  reachable(): ReadonlySet<string> {
    return new Set(this.#dataplane.flatMap(({ names }) => [...names]));
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
    this.#scale(undefined, this.workload);
    for (const [hash, deployment] of this.revisions) this.#scale(hash, deployment);
  }

  /** A Deployment's controllers: missing pods start; surplus ones stop, unready first, then those that left the Service. */
  #scale(revision: string | undefined, deployment: SimDeployment): void {
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
    this.#dataplane.push({ at: this.now, names: this.endpoints() });
    const current = this.#dataplane.findLastIndex(({ at }) => at <= this.now - this.#lagMs);
    this.#dataplane = this.#dataplane.slice(Math.max(0, current));
  }
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
