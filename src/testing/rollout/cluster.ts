import { Mark } from "../../api/v1alpha1/names.ts";
import type { Reading } from "../../core/analysis/judge.ts";
import { type Word, weightOf } from "../../core/rollout/routes/word.ts";
import type { PodSeen } from "../../core/rollout/seen.ts";
import { LEFT, matches } from "../../core/rollout/selection.ts";

export interface SimPod {
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

export interface SimDeployment {
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
  /** From the endpoints to what every node does, and every gateway. */
  readonly nodes?: number;
  /** From a change of a route to what its gateway does. */
  readonly routes?: number;
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
 * Deployments, pods and endpoints in memory, which behave as Kubernetes' do as far as a rollout can tell: Deployments grow
 * and shrink by pods, endpoints follow selector and readiness, and each part may be late.
 */
export class SimCluster {
  now = START;
  readonly behaviours = new Map<string, Behaviour>();
  readonly workload: SimDeployment;
  readonly revisions = new Map<string, SimDeployment>();
  selector: Readonly<Record<string, string>> = { app: "web" };
  pods: SimPod[] = [];
  /** What the route says; written by a rollout alone. */
  route: Word | "Git" = "Git";
  /** How many pods there may be, those that are being stopped among them. */
  quota = Number.POSITIVE_INFINITY;
  /** Why an admission refuses pods of a template. */
  readonly denials = new Map<string, string>();
  /** Why pods of a revision are not made, by the revision. */
  readonly refusals = new Map<string | undefined, string>();
  /** Endpoints and route as they were due, with the time from which they hold. */
  #history: Due[] = [];
  #serial = 0;
  readonly #lags: Required<Lags>;

  constructor(template: string, replicas: number, lags: Lags = {}) {
    this.workload = deployment(template, replicas);
    this.workload.noticed = { template, replicas };
    this.#lags = { controllers: 0, endpoints: 0, nodes: 0, routes: 0, ...lags };
    this.settle();
    for (const pod of this.pods) Object.assign(pod, { readyAt: START });
    this.#history = [this.#due()];
  }

  /** The endpoints as the operator sees them: late. */
  seenEndpoints(): ReadonlySet<string> {
    return this.known(this.#lags.endpoints);
  }

  /** Lets time pass; controllers of the cluster work at once. */
  pass(ms: number): void {
    this.now += ms;
    this.pods = this.pods.filter((pod) => pod.gone === undefined || this.now < pod.gone);
    this.settle();
    this.follow();
  }

  /** Names of the pods that the endpoints will have once they have caught up. */
  endpoints(): Set<string> {
    return new Set(
      this.pods.filter((pod) => this.ready(pod) && matches(this.selector, pod.labels)).map(({ name }) => name),
    );
  }

  /** Pods that any node or gateway may still send requests to: everything that was due within its lag. */
  reachable(): ReadonlySet<string> {
    const { endpoints, nodes, routes } = this.#lags;
    const due = this.#since(endpoints + nodes);
    const routed = new Set(this.#since(routes).flatMap(({ route }) => reachedBy(route)));
    const own = due.flatMap((one) => [...routed].flatMap((revision) => [...(one.own.get(revision) ?? [])]));
    return new Set([...due.flatMap(({ names }) => [...names]), ...own]);
  }

  /** The most that any gateway may still send to a revision, in percent. */
  mostWeightOf(revision: string): number {
    return Math.max(
      ...this.#since(this.#lags.routes).map(({ route }) => (route === "Git" ? 0 : weightOf(route, revision))),
    );
  }

  /** Tells whether every gateway knows an endpoint of a revision's own Service by now. */
  isKnownToGateways(revision: string): boolean {
    const { endpoints, nodes } = this.#lags;
    return this.#since(endpoints + nodes).every(({ own }) => (own.get(revision)?.size ?? 0) > 0);
  }

  /** The endpoints of the revisions' own Services as the operator sees them: late. */
  seenOwnEndpoints(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#ago(this.#lags.endpoints)?.own ?? new Map();
  }

  /** The endpoints as they were due some time ago. */
  known(ago: number): ReadonlySet<string> {
    return this.#ago(ago)?.names ?? new Set();
  }

  #ago(ago: number): Due | undefined {
    return this.#history.findLast(({ at }) => at <= this.now - ago) ?? this.#history[0];
  }

  /** Everything that was due at some time within the last milliseconds. */
  #since(ago: number): readonly Due[] {
    return this.#history.slice(
      Math.max(
        0,
        this.#history.findLastIndex(({ at }) => at <= this.now - ago),
      ),
    );
  }

  #due(): Due {
    const own = new Map<string, Set<string>>();
    for (const pod of this.pods) {
      if (pod.revision === undefined || !this.ready(pod) || pod.labels[Mark.serving] !== "true") continue;
      own.set(pod.revision, (own.get(pod.revision) ?? new Set()).add(pod.name));
    }
    return { at: this.now, names: this.endpoints(), own, route: this.route };
  }

  behaviour(template: string): Behaviour {
    return this.behaviours.get(template) ?? { readyAfter: 2_000, reading: { kind: "Value", value: 100 } };
  }

  /** Flips a pod of any revision between ready and not, as a failing probe does. */
  disturb(index: number, readyAgainAfter: number): void {
    const alive = this.pods.filter((pod) => pod.gone === undefined);
    const pod = alive[index % Math.max(1, alive.length)];
    if (pod !== undefined) pod.readyAt = this.now + readyAgainAfter;
    this.follow();
  }

  podsOf(revision: string | undefined): readonly PodSeen[] {
    return this.pods.filter((pod) => pod.revision === revision).map((pod) => this.seen(pod));
  }

  seen(pod: SimPod): PodSeen {
    const ready = this.ready(pod);
    const { name, uid, labels } = pod;
    const terminating = pod.gone !== undefined;
    const readySince = pod.readyAt;
    return {
      name,
      uid,
      labels,
      ready,
      readySince,
      terminating,
      ...(pod.revision === undefined ? {} : { revision: pod.revision }),
    };
  }

  ready(pod: SimPod): boolean {
    return pod.gone === undefined && this.now >= pod.readyAt;
  }

  settle(): void {
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
    for (const pod of pods) if (pod.template !== deployment.template) this.stop(pod);
    const current = pods.filter((pod) => pod.gone === undefined);
    this.refusals.delete(revision);
    for (let missing = deployment.replicas - current.length; missing > 0; missing--) {
      const full = this.pods.length < this.quota ? undefined : `exceeded quota: pods, used: pods=${this.pods.length}`;
      const refused = full ?? this.denials.get(deployment.template);
      if (refused === undefined) this.#start(revision, deployment.template);
      else this.refusals.set(revision, refused);
    }
    const surplus = [...current].sort(
      (a, b) =>
        Number(this.ready(a)) - Number(this.ready(b)) || Number(isLeft(b)) - Number(isLeft(a)) || b.readyAt - a.readyAt,
    );
    for (const pod of surplus.slice(0, Math.max(0, current.length - deployment.replicas))) this.stop(pod);
  }

  stop(pod: SimPod): void {
    pod.stoppedReady = this.ready(pod);
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

  follow(): void {
    this.#history.push(this.#due());
    const { endpoints, nodes, routes } = this.#lags;
    this.#history = [...this.#since(Math.max(endpoints + nodes, routes))];
  }
}

/** What was due at a time. */
interface Due {
  readonly at: number;
  /** Endpoints of the callers' Service. */
  readonly names: ReadonlySet<string>;
  /** Endpoints of the revisions' own Services. */
  readonly own: ReadonlyMap<string, ReadonlySet<string>>;
  readonly route: Word | "Git";
}

/** Revisions that a route brings requests to. */
export function reachedBy(route: Word | "Git"): readonly string[] {
  if (route === "Git") return [];
  return [...route.parts.filter(({ weight }) => weight > 0), ...route.chosen].map(({ revision }) => revision);
}

export function deployment(template: string, replicas: number): SimDeployment {
  return { template, replicas, noticed: { template, replicas: 0 }, noticesAt: undefined };
}

export function noticed({ replicas, template, noticed: known }: SimDeployment): boolean {
  return known.replicas === replicas && known.template === template;
}

function isLeft(pod: SimPod): boolean {
  return pod.labels[Mark.serving] === LEFT;
}
