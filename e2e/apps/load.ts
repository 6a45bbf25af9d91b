import type { V1Pod, V1Service, V1ServiceAccount } from "@kubernetes/client-node";
import { z } from "zod";

/** What to send where; the program itself refuses targets outside of the cluster and rates above 1000. */
export interface LoadOptions {
  readonly namespace: string;
  readonly name?: string;
  readonly target: string;
  readonly rate: number;
  readonly host?: string;
  readonly keepAlive?: boolean;
  /** `name=value` of a header of each request. */
  readonly header?: string;
  /** Unary calls of the target's path instead of GET requests. */
  readonly grpc?: boolean;
  /** The reference of the load generator's image: `appImages()` gives it. */
  readonly image: string;
}

/**
 * A pod that sends the load, and a NodePort Service to read its numbers through. It has an account of its own, because a
 * pod is refused until the namespace's default one is there, which takes a moment in a new namespace.
 */
export function loadManifests(options: LoadOptions): [V1ServiceAccount, V1Pod, V1Service] {
  const { namespace, name = "load", target, rate, host, header, keepAlive = false, grpc = false, image } = options;
  const args = [`--target=${target}`, `--rate=${rate}`, `--keepalive=${keepAlive}`, `--grpc=${grpc}`];
  if (host !== undefined) args.push(`--host=${host}`);
  if (header !== undefined) args.push(`--header=${header}`);
  const metadata = { name, namespace, labels: { app: name } };
  const pod: V1Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: {
      // A restarted generator would have forgotten what it saw; a test must notice instead.
      restartPolicy: "Never",
      serviceAccountName: name,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 10,
      containers: [
        {
          name: "load",
          image,
          imagePullPolicy: "Never",
          args,
          ports: [{ name: "stats", containerPort: 8081 }],
          readinessProbe: { httpGet: { path: "/healthz", port: "stats" }, periodSeconds: 1 },
          resources: { requests: { cpu: "20m", memory: "16Mi" } },
        },
      ],
    },
  };
  const service: V1Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "NodePort", selector: { app: name }, ports: [{ name: "stats", port: 8081, targetPort: "stats" }] },
  };
  return [{ apiVersion: "v1", kind: "ServiceAccount", metadata }, pod, service];
}

const counts = z.record(z.string(), z.number().int().nonnegative());

const loadStats = z.object({
  sent: z.number(),
  answered: z.number(),
  failed: z.number(),
  byVersion: z.record(z.string(), counts),
  errors: counts,
  recent: counts,
  failures: z.array(z.object({ time: z.string(), version: z.string(), what: z.string() })),
});

const visits = z.array(z.string());

/** The numbers of the load generator; `recent` is of the last two seconds, `failures` are the last twenty. */
export type LoadStats = z.infer<typeof loadStats>;

/** Fetches JSON of the load generator, whichever way the caller reaches it: a NodePort or the API server's pod proxy. */
export type FetchJson = (path: string, init?: { readonly method?: "GET" | "POST" }) => Promise<unknown>;

/** Reads and resets the numbers of a running load generator. */
export class LoadClient {
  readonly #fetchJson: FetchJson;

  constructor(fetchJson: FetchJson) {
    this.#fetchJson = fetchJson;
  }

  /** The numbers since the start or the last reset. */
  async stats(): Promise<LoadStats> {
    return loadStats.parse(await this.#fetchJson("/stats"));
  }

  /**
   * Lets so many users with a cookie jar each send some requests, one after the other; they are the same from visit to visit.
   * Gives for each the versions that answered, such as `v1`, or `v1 v2` where there were two.
   */
  async visit(users: number, requests: number): Promise<readonly string[]> {
    return visits.parse(await this.#fetchJson(`/visit/${users}/${requests}`, { method: "POST" }));
  }

  /** Sets all numbers to 0; requests in flight are counted neither before nor after. */
  async reset(): Promise<void> {
    await this.#fetchJson("/reset", { method: "POST" });
  }
}

/** Requests that failed in the same way; without a version when no answer came. */
export interface FailureCount {
  readonly version?: string;
  readonly what: string;
  readonly count: number;
}

/**
 * What went wrong, as a list that is empty when nothing did. `exceptVersion` leaves out the bad answers of a version that
 * is meant to be bad; requests without an answer count always, as nobody knows whose they were.
 */
export function failures(stats: LoadStats, options: { readonly exceptVersion?: string } = {}): readonly FailureCount[] {
  const answers = Object.entries(stats.byVersion)
    .filter(([version]) => version !== options.exceptVersion)
    .flatMap(([version, codes]) =>
      Object.entries(codes)
        .filter(([code]) => !code.startsWith("2"))
        .map(([what, count]) => ({ version, what, count })),
    );
  const lost = Object.entries(stats.errors)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => ({ what, count }));
  return [...answers, ...lost];
}

/** Each version's share of the answers, from 0 to 1: of all since the reset, or of the last two seconds. */
export function shareByVersion(stats: LoadStats, of: "all" | "recent" = "all"): Readonly<Record<string, number>> {
  const totals = of === "recent" ? stats.recent : answersByVersion(stats);
  const sum = Object.values(totals).reduce((a, b) => a + b, 0);
  return Object.fromEntries(Object.entries(totals).map(([version, count]) => [version, count / sum]));
}

function answersByVersion(stats: LoadStats): Record<string, number> {
  const total = (codes: Record<string, number>) => Object.values(codes).reduce((a, b) => a + b, 0);
  return Object.fromEntries(Object.entries(stats.byVersion).map(([version, codes]) => [version, total(codes)]));
}
