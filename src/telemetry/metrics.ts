import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { registerProcess } from "./process.ts";

/** How many values of a label that others choose are kept apart; further ones are counted as `other`. */
const MOST_VALUES = 200;

/** The kinds of resources whose readiness is shown. */
export type WatchedKind = "GitSync" | "ProgressiveRollout";

/** Counts and times what the operator does, for one registry. Nothing here throws or waits. */
export interface Telemetry extends Disposable {
  /** The media type of `text`. */
  readonly contentType: string;
  /** Everything in Prometheus' text format; calls at one time share one answer. */
  text(): Promise<string>;
  /** One request to the API server. `code` is 0 when there was no answer. */
  apiRequest(record: ApiRequest): void;
  /** One run of a key in a controller's queue. */
  reconciled(controller: string, run: { readonly outcome: "Done" | "Failed"; readonly ms: number }): void;
  gitRequest(verb: string, outcome: string): void;
  metricQuery(outcome: string): void;
  /** One webhook, by how it was answered. */
  hook(outcome: string): void;
  /** A rollout that came to its end. */
  rolloutEnded(outcome: string): void;
  /** Shows whether a resource is ready; a sync tells how many objects it applied, too. */
  resource(kind: WatchedKind, namespace: string, name: string, now: { ready: boolean; objects?: number }): void;
  /** Shows how many fields of this process's schema the stored definition of a kind lacks. */
  definition(kind: string, missing: number): void;
  /** Ends the series of a resource that is gone. */
  forget(kind: WatchedKind, namespace: string, name: string): void;
  /** Reads a queue's depth at each scrape. */
  watchQueue(controller: string, depth: () => number): void;
  /** Reads at each scrape whether this process leads. */
  watchLeader(leads: () => boolean): void;
}

/** One request to the API server that has ended. */
export interface ApiRequest {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
  readonly ms: number;
}

/** Makes the metrics of one process. Dispose it to stop its timer. */
export function createTelemetry(version: string): Telemetry {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });

  const apiRequests = counter(
    "fairlead_api_requests_total",
    "Requests to the API server; code 0: no answer.",
    "verb",
    "resource",
    "code",
  );
  const apiDuration = new Histogram({
    name: "fairlead_api_request_duration_seconds",
    help: "How long requests to the API server took, watches aside.",
    labelNames: ["verb"],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10, 30],
    registers,
  });
  const reconciles = new Histogram({
    name: "fairlead_reconcile_duration_seconds",
    help: "How long one look at a resource took.",
    labelNames: ["controller", "outcome"],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300],
    registers,
  });
  const gitRequests = counter(
    "fairlead_git_requests_total",
    "What was asked of Git, by how it ended.",
    "verb",
    "outcome",
  );
  const queries = counter(
    "fairlead_metric_queries_total",
    "Queries sent to Prometheus, by what they brought.",
    "outcome",
  );
  const hooks = counter("fairlead_hooks_total", "Webhooks, by how they were answered.", "outcome");
  const rollouts = counter("fairlead_rollouts_total", "Rollouts that ended, by how.", "outcome");
  const readiness = new Gauge({
    name: "fairlead_resource_ready",
    help: "1: the resource is ready. 0: it is not.",
    labelNames: ["kind", "namespace", "name"],
    registers,
  });
  const syncObjects = new Gauge({
    name: "fairlead_sync_objects",
    help: "How many objects a GitSync has applied.",
    labelNames: ["namespace", "name"],
    registers,
  });
  const definitions = new Gauge({
    name: "fairlead_crd_missing_fields",
    help: "Fields that the stored CustomResourceDefinition lacks, as it is older than the operator.",
    labelNames: ["kind"],
    registers,
  });
  new Gauge({ name: "fairlead_build_info", help: "Always 1.", labelNames: ["version"], registers }).set({ version }, 1);

  const depths = new Map<string, () => number>();
  new Gauge({
    name: "fairlead_queue_depth",
    help: "How many keys wait for a worker.",
    labelNames: ["controller"],
    registers,
    collect() {
      for (const [controller, depth] of depths) this.set({ controller }, depth());
    },
  });
  let leads: () => boolean = () => false;
  new Gauge({
    name: "fairlead_leader",
    help: "1: this process leads. 0: it waits.",
    registers,
    collect() {
      this.set(leads() ? 1 : 0);
    },
  });
  const stopProcess = registerProcess(registry);
  const known = bounded();
  let scrape: Promise<string> | undefined;

  return {
    contentType: registry.contentType,
    text() {
      scrape ??= registry.metrics().finally(() => {
        scrape = undefined;
      });
      return scrape;
    },
    apiRequest({ verb, resource, code, ms }) {
      apiRequests.inc({ verb, resource: known(resource), code: String(code) });
      if (verb !== "watch") apiDuration.observe({ verb }, seconds(ms));
    },
    reconciled: (controller, { outcome, ms }) => reconciles.observe({ controller, outcome }, seconds(ms)),
    gitRequest: (verb, outcome) => gitRequests.inc({ verb, outcome }),
    metricQuery: (outcome) => queries.inc({ outcome }),
    hook: (outcome) => hooks.inc({ outcome }),
    rolloutEnded: (outcome) => rollouts.inc({ outcome }),
    resource(kind, namespace, name, { ready, objects }) {
      readiness.set({ kind, namespace, name }, ready ? 1 : 0);
      if (objects !== undefined) syncObjects.set({ namespace, name }, objects);
    },
    definition: (kind, missing) => definitions.set({ kind }, missing),
    forget(kind, namespace, name) {
      readiness.remove({ kind, namespace, name });
      if (kind === "GitSync") syncObjects.remove({ namespace, name });
    },
    watchQueue: (controller, depth) => void depths.set(controller, depth),
    watchLeader(ask) {
      leads = ask;
    },
    [Symbol.dispose]: stopProcess,
  };
}

/** An observation must be a number: a histogram throws otherwise, and never at a good time. */
function seconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, ms) / 1000 : 0;
}

/** Kinds of custom resources come from clusters and Git: a label may not grow with them without end. */
function bounded(): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= MOST_VALUES) return "other";
    seen.add(value);
    return value;
  };
}
