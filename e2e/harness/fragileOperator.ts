import { createHash } from "node:crypto";
import { createCel } from "../../src/adapters/cel/cel.ts";
import { KubernetesClient } from "../../src/adapters/kubernetes/client.ts";
import { Connection } from "../../src/adapters/kubernetes/connection.ts";
import { GroupDiscovery } from "../../src/adapters/kubernetes/discovery.ts";
import { KubernetesWatcher } from "../../src/adapters/kubernetes/reflector.ts";
import { Transport } from "../../src/adapters/kubernetes/transport.ts";
import { createYamlRenderer } from "../../src/adapters/render/yaml.ts";
import { createSignatures } from "../../src/adapters/signatures/signatures.ts";
import type { JsonObject } from "../../src/api/json.ts";
import { type Key, type Manifest, type ObjectRef, title } from "../../src/api/objects.ts";
import { type Manager, startManager } from "../../src/controllers/manager.ts";
import { systemClock } from "../../src/ports/clock.ts";
import type { ApplyOptions, Census, Cluster, PatchOptions, RemoveOptions } from "../../src/ports/cluster.ts";
import type { Git } from "../../src/ports/git.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { createTelemetry } from "../../src/telemetry/metrics.ts";

/** When an operator is cut off: the API server never hears of the write, or the operator never hears of its answer. */
export type Cut = "Before" | "After";

/** A cluster whose connection can be cut for good at one write: from then on no call reaches the API server or comes back. */
class FragileCluster implements Cluster, Census {
  readonly #real: Cluster & Census;
  readonly #die: (at: string) => void;
  #left = Number.POSITIVE_INFINITY;
  #cut: Cut = "Before";
  #dead = false;
  /** Calls that the API server works on. */
  readonly under = new Set<Promise<unknown>>();
  readonly writes: string[] = [];

  constructor(real: Cluster & Census, die: (at: string) => void) {
    this.#real = real;
    this.#die = die;
  }

  arm(write: number, cut: Cut): void {
    this.#left = write;
    this.#cut = cut;
  }

  get(ref: ObjectRef, signal: AbortSignal): Promise<Manifest | undefined> {
    return this.#through(() => this.#real.get(ref, signal));
  }

  count(apiVersion: string, kind: string, signal: AbortSignal): Promise<number> {
    return this.#through(() => this.#real.count(apiVersion, kind, signal));
  }

  apply(object: Manifest, options: ApplyOptions, signal: AbortSignal): Promise<Manifest> {
    const call = () => this.#real.apply(object, options, signal);
    const { kind, metadata } = object;
    return options.dryRun === true
      ? this.#through(call)
      : this.#write(`apply ${kind} ${metadata.namespace}/${metadata.name}`, call);
  }

  patch(ref: ObjectRef, patch: JsonObject, options: PatchOptions, signal: AbortSignal): Promise<Manifest> {
    return this.#write(`patch ${title(ref)}`, () => this.#real.patch(ref, patch, options, signal));
  }

  remove(ref: ObjectRef, options: RemoveOptions, signal: AbortSignal): Promise<"Deleted" | "Absent" | Manifest> {
    return this.#write(`delete ${title(ref)}`, () => this.#real.remove(ref, options, signal));
  }

  async #write<T>(what: string, call: () => Promise<T>): Promise<T> {
    this.writes.push(what);
    this.#left -= 1;
    const last = this.#left === 0;
    if (last && this.#cut === "Before") this.#kill(what);
    const answer = await this.#through(call).finally(() => {
      if (last && this.#cut === "After") this.#kill(what);
    });
    return this.#dead ? new Promise<never>(() => undefined) : answer;
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise<never>(() => undefined);
    const running = call();
    this.under.add(running);
    try {
      const answer = await running;
      return this.#dead ? await new Promise<never>(() => undefined) : answer;
    } finally {
      this.under.delete(running);
    }
  }

  #kill(what: string): void {
    this.#dead = true;
    this.#die(what);
  }
}

const noPrometheus = async () => ({ kind: "NoData", message: "there is no Prometheus" }) as const;

/**
 * Fairlead's controllers in the process of the test, with Git in memory: started in a moment, and cut off at any write as a
 * process is that is killed there. Whoever is cut off does nothing more; `dead` tells at which write.
 */
export class FragileOperator {
  readonly dead: Promise<string>;
  readonly #cluster: FragileCluster;
  readonly #manager: Manager;
  readonly #end: () => Promise<void>;

  private constructor(cluster: FragileCluster, manager: Manager, dead: Promise<string>, end: () => Promise<void>) {
    this.#cluster = cluster;
    this.#manager = manager;
    this.dead = dead;
    this.#end = end;
  }

  /** `cut`: it is cut off at its very first write. */
  static async start(kubeconfig: string, git: Git, cut?: Cut): Promise<FragileOperator> {
    const connection = new Connection({ kind: "File", paths: [kubeconfig] });
    const transport = new Transport(connection);
    const discovery = new GroupDiscovery(transport);
    const gone = new AbortController();
    const dead = Promise.withResolvers<string>();
    const real = new KubernetesClient({ transport, discovery, leadership: { holds: () => true } });
    const cluster = new FragileCluster(real, dead.resolve);
    if (cut !== undefined) cluster.arm(1, cut);
    const telemetry = createTelemetry("test");
    const manager = await startManager(
      {
        cluster,
        discovery,
        watcher: new KubernetesWatcher(transport, discovery),
        events: { note: () => undefined },
        git,
        decrypter: { decrypt: async (file) => file },
        renderer: createYamlRenderer(),
        metrics: { query: noPrometheus, series: noPrometheus },
        copySecrets: false,
        digest: (text) => createHash("sha256").update(text).digest(),
        clock: systemClock,
        log: silentLogger,
        telemetry,
        operatorNamespace: "fairlead-system",
        expressions: createCel(),
        signatures: createSignatures(),
        webhooks: { post: async () => ({ accepted: true, text: "HTTP 200" }) },
        maxRollouts: undefined,
        tenancy: { requireServiceAccount: false, crossNamespaceRefs: false },
      },
      gone.signal,
      gone.signal,
    );
    return new FragileOperator(cluster, manager, dead.promise, async () => {
      // What was sent before the end may still be stored: the next operator comes after it, as a Lease sees to.
      await Promise.allSettled(cluster.under);
      gone.abort();
      await connection.close();
      telemetry[Symbol.dispose]();
    });
  }

  /** The writes so far, in words. */
  get writes(): readonly string[] {
    return this.#cluster.writes;
  }

  /** Cuts it off at the n-th write from now on, counted from 1. */
  cutAt(write: number, cut: Cut): void {
    this.#cluster.arm(write, cut);
  }

  /** Tells it of a push. */
  notify(...syncs: readonly Key[]): void {
    for (const sync of syncs) this.#manager.notify(sync);
  }

  /** Lets it disappear without a word. */
  end(): Promise<void> {
    return this.#end();
  }
}
