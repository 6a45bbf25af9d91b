#!/usr/bin/env node
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { delimiter, dirname } from "node:path";
import { createCel } from "./adapters/cel/cel.ts";
import { reachOf } from "./adapters/git/addresses.ts";
import { createGit, type GitStoreOptions } from "./adapters/git/store.ts";
import { KubernetesClient } from "./adapters/kubernetes/client.ts";
import { Connection } from "./adapters/kubernetes/connection.ts";
import { GroupDiscovery } from "./adapters/kubernetes/discovery.ts";
import { KubernetesEvents } from "./adapters/kubernetes/events.ts";
import { sourceFrom } from "./adapters/kubernetes/kubeconfig.ts";
import { LeaseElector } from "./adapters/kubernetes/lease.ts";
import { KubernetesWatcher } from "./adapters/kubernetes/reflector.ts";
import { Transport } from "./adapters/kubernetes/transport.ts";
import { guardHosts } from "./adapters/net/hosts.ts";
import { createPrometheus } from "./adapters/prometheus/prometheus.ts";
import { findPrograms } from "./adapters/render/programs.ts";
import { createRenderer } from "./adapters/render/renderer.ts";
import { createSopsDecrypter } from "./adapters/render/sops.ts";
import { createSignatures } from "./adapters/signatures/signatures.ts";
import { createWebhooks } from "./adapters/webhooks/webhooks.ts";
import { command, type RunOptions } from "./cli/options.ts";
import { watchDefinitions } from "./controllers/definitions.ts";
import { startHttpServer } from "./controllers/http/server.ts";
import { createWebhook } from "./controllers/http/webhook.ts";
import { type Manager, startManager } from "./controllers/manager.ts";
import { StandbyHooks } from "./controllers/standby.ts";
import { systemClock } from "./ports/clock.ts";
import { countedGit, countedMetrics } from "./telemetry/counted.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { createTelemetry } from "./telemetry/metrics.ts";

const LEASE = "fairlead-operator";
/** What the pod's grace period leaves for work under way, and for the rest. */
const DRAIN_MS = 20_000;
const FLUSH_MS = 3_000;

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Runs until a signal asks it to stop, or the lease is lost. */
async function run(options: RunOptions): Promise<void> {
  const log = createLogger({ level: options.logLevel });
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => stop.abort(new Error(`${name} was received`)));
  }
  const telemetry = createTelemetry(version);
  const connection = new Connection(sourceFrom(process.env, options));
  const transport = new Transport(connection, { onRequest: (record) => telemetry.apiRequest(record) });
  const discovery = new GroupDiscovery(transport);
  const identity = `${hostname()}-${randomBytes(4).toString("hex")}`;
  const operatorNamespace = options.leaseNamespace ?? connection.namespace;
  const lease = new LeaseElector(transport, {
    namespace: operatorNamespace,
    name: LEASE,
    identity,
    // The proportions of client-go: 15 s, 10 s, 2 s.
    durationMs: options.leaseDuration * 1_000,
    renewDeadlineMs: (options.leaseDuration * 2_000) / 3,
    retryMs: (options.leaseDuration * 2_000) / 15,
    onTrouble: (error) => log.warn({ error }, "the lease could not be read or renewed"),
  });
  const events = new KubernetesEvents(transport, { instance: identity });
  let manager: Manager | undefined;
  const unfenced = new KubernetesClient({ transport, discovery, leadership: { holds: () => true } });
  const standby = new StandbyHooks(unfenced, log);
  const webhook = createWebhook({
    hookOf: (key, signal) => (manager === undefined ? standby : manager).hook(key, signal),
    notify: (key) => (manager === undefined ? standby.notify(key) : manager.notify(key)),
    onOutcome: (outcome) => telemetry.hook(outcome),
    log,
  });
  telemetry.watchLeader(() => lease.holds());
  let serving = true;
  const server = await startHttpServer({
    ...options.listen,
    alive: () => true,
    ready: () => serving,
    metrics: telemetry,
    hook: webhook.handle,
    log,
  });
  log.info({ version, identity, port: server.port }, "waiting for the lease");

  let code = 0;
  try {
    await lease.untilElected(stop.signal);
    log.info({ identity }, "leading");
    const work = AbortSignal.any([stop.signal, lease.lost]);
    const guards = hostGuards(options);
    const discoveryAndCluster = {
      discovery,
      cluster: new KubernetesClient({ transport, discovery, leadership: lease }),
    };
    manager = await startManager(
      {
        ...discoveryAndCluster,
        watcher: new KubernetesWatcher(transport, discovery, {
          onTrouble: ({ kind }, error) => log.debug({ kind, error }, "a watch goes on"),
        }),
        events,
        git: countedGit(createGit(gitOptions(options)), telemetry),
        decrypter: createSopsDecrypter(),
        renderer: createRenderer({ programs: findPrograms(options, programDirectories()) }),
        signatures: createSignatures(),
        metrics: countedMetrics(createPrometheus({ hosts: guards.metrics }), telemetry),
        webhooks: createWebhooks({ hosts: guards.webhooks }),
        digest: (text) => createHash("sha256").update(text).digest(),
        clock: systemClock,
        log,
        telemetry,
        operatorNamespace,
        expressions: createCel(),
        tenancy: options,
        maxRollouts: options.maxRollouts,
        copySecrets: options.copySecrets,
      },
      work,
      lease.lost,
    );
    void watchDefinitions({ ...discoveryAndCluster, events, log, telemetry }, work);
    await aborted(work);
    if (lease.lost.aborted) {
      log.fatal({ identity }, "the lease is lost; another process leads now");
      code = 1;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  serving = false;
  log.info({ reason: String(stop.signal.reason ?? "lease lost") }, "stopping");
  webhook.close();
  await manager?.drain(AbortSignal.timeout(DRAIN_MS));
  await events.flush(AbortSignal.timeout(FLUSH_MS)).catch(() => undefined);
  await lease.release(AbortSignal.timeout(FLUSH_MS));
  await server.close(FLUSH_MS);
  await connection.close();
  telemetry[Symbol.dispose]();
  process.exitCode = code;
}

function hostGuards({ metricsHosts, webhookHosts }: RunOptions) {
  const isLocal = (address: string) => reachOf(address) === "Local";
  return {
    metrics: guardHosts({ hosts: metricsHosts, isLocal, purpose: "metrics", flag: "--metrics-hosts" }),
    webhooks: guardHosts({ hosts: webhookHosts, isLocal, purpose: "webhooks", flag: "--webhook-hosts" }),
  };
}

function gitOptions({ store, gitHosts, gitAddresses }: RunOptions): GitStoreOptions {
  const hosts = { addresses: gitAddresses, ...(gitHosts === undefined ? {} : { hosts: gitHosts }) };
  return { cacheRoot: store, environment: gitEnvironment(), hosts };
}

/** What git processes get of this process's environment: where programs and proxies are, and nothing else. */
function gitEnvironment(): Record<string, string> {
  const names = ["PATH", "HTTPS_PROXY", "NO_PROXY"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/** Where programs that render are looked for: beside this one, then on the PATH. */
function programDirectories(): readonly string[] {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  return [dirname(process.argv[1] ?? "."), ...onPath];
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** A promise nobody waited for, or a defect: say it, and let Kubernetes start a fresh process. */
function die(log: Logger, error: unknown): never {
  log.fatal({ error }, "a defect ends the process");
  process.exit(1);
}

const fallback = createLogger();
process.on("unhandledRejection", (error) => die(fallback, error));
process.on("uncaughtException", (error) => die(fallback, error));
await command(version, run).parseAsync();
