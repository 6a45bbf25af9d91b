import process from "node:process";
import { expect } from "vitest";
import { at, isObject, listAt, numberAt, stringAt, stringify } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { Mark } from "../../src/api/v1alpha1/names.ts";
import type { LoadStats } from "../apps/load.ts";
import { type UntilOptions, until } from "../apps/until.ts";
import { conditionOf, type Kube } from "./kube.ts";
import type { RunningLoad } from "./load.ts";
import { GATEWAY } from "./routes.ts";
import type { Scene } from "./scene.ts";
import type { Shop } from "./shop.ts";

/** Requests a second in a story; a little more than the 100 that it must have had. */
const RATE = 120;
const LEAST_SHARE = 100 / RATE;

/** Says something beside the results of the tests. */
export const log = (line: string): void => void process.stderr.write(`${line}\n`);

/** What a story is told with. */
export interface StoryOptions {
  /** A version whose own bad answers are the point; those of others still fail the story. */
  readonly exceptVersion?: string;
  /** Where requests go; the shop's Service when absent. */
  readonly target?: string;
  /** Requests are calls by gRPC. */
  readonly grpc?: boolean;
  /** Requests a second; 120 when absent. */
  readonly rate?: number;
}

/**
 * Runs a story under a steady load from its begin to its end, in which no request may fail. Each request has a connection of
 * its own, so each is a new decision of the Service. A story that fails is told with where its rollout was.
 */
export async function underLoad(
  scene: Scene,
  shop: Shop,
  title: string,
  story: (load: RunningLoad) => Promise<void>,
  options: StoryOptions = {},
): Promise<LoadStats> {
  const { target, grpc = false, rate = RATE } = options;
  const load = await shop.load(rate, { grpc, ...(target === undefined ? {} : { target }) });
  await load.reset();
  const began = performance.now();
  try {
    await story(load);
    const seconds = (performance.now() - began) / 1_000;
    const failures = await load.failures(options);
    const stats = await load.stop();
    log(`story: ${title}: ${seconds.toFixed(1)} s, ${stats.sent} requests, ${stats.failed} failed`);
    expect(failures, stringify(stats.failures)).toEqual([]);
    expect(stats.sent / seconds, "requests a second").toBeGreaterThan(rate * LEAST_SHARE);
    return stats;
  } catch (error) {
    log(`story: ${title}: it failed\n${await whereItWas(scene, shop, load)}`);
    throw error;
  }
}

async function whereItWas(scene: Scene, shop: Shop, load: RunningLoad): Promise<string> {
  const told = async (what: string, tell: () => Promise<unknown>) =>
    `${what}: ${await tell().then((value) => (typeof value === "string" ? value : stringify(value)), String)}`;
  const lines = await Promise.all([
    told("rollout", async () => (await shop.rollout())["status"]),
    told("sync", async () => (await shop.sync())["status"]),
    told("load", () => load.stats()),
    told("Events", async () =>
      (await eventsIn(scene.kube, shop.namespace))
        .filter(({ kind }) => kind !== "Pod" && kind !== "ReplicaSet" && kind !== "Deployment")
        .map(({ kind, name, reason, message }) => `\n  ${kind}/${name} ${reason}: ${message}`)
        .join(""),
    ),
    // It says why it has answered 502; most shops have none.
    told("gateway", async () => (await scene.kube.logs(shop.namespace, GATEWAY).catch(() => "none")).slice(-2_000)),
    told("operator", async () => (await scene.operator.logs()).slice(-3_000)),
  ]);
  return lines.join("\n");
}

/** An Event, as `kubectl get events` shows it. */
export interface EventSeen {
  readonly type: string;
  readonly reason: string;
  readonly kind: string;
  readonly name: string;
  readonly message: string;
}

/** All Events of a namespace. */
async function eventsIn(kube: Kube, namespace: string): Promise<readonly EventSeen[]> {
  const text = (event: Manifest, ...path: readonly string[]) => stringAt(event, ...path) ?? "";
  return (await kube.list("v1", "Event", { namespace })).map((event) => ({
    type: text(event, "type"),
    reason: text(event, "reason"),
    kind: text(event, "involvedObject", "kind"),
    name: text(event, "involvedObject", "name"),
    message: text(event, "message"),
  }));
}

/** Waits for an Event about a ProgressiveRollout. */
export function untilEvent(
  kube: Kube,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  wanted: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: RegExp },
): Promise<EventSeen> {
  return until(`an Event ${wanted.type} ${wanted.reason} ${wanted.message} about ${name}`, async (saw) => {
    const events = await eventsIn(kube, namespace);
    saw(stringify(events.filter((event) => event.kind === "ProgressiveRollout" && event.name === name)));
    return events.find(
      (event) =>
        event.kind === "ProgressiveRollout" &&
        event.name === name &&
        event.type === wanted.type &&
        event.reason === wanted.reason &&
        wanted.message.test(event.message),
    );
  });
}

/** A field of the rollout's cursor, as text. */
export function cursorOf(rollout: Manifest, field: string): string | undefined {
  const value = at(rollout, "status", "rollout", field);
  return value === undefined ? undefined : String(value);
}

/** What ended last, such as "Promoted", "RolledBack" or "Adopted". */
function outcomeOf(rollout: Manifest): string | undefined {
  return stringAt(historyOf(rollout)[0], "outcome");
}

/** The history, newest first. */
export function historyOf(rollout: Manifest): readonly Record<string, unknown>[] {
  return listAt(rollout, "status", "history").filter(isObject);
}

/** Waits until a rollout has ended in a way, and everything is at rest as Git says. */
export function untilRest(shop: Shop, outcome: string, options: UntilOptions = {}): Promise<Manifest> {
  return shop.untilRollout(
    `${outcome} and at rest`,
    (rollout) => outcomeOf(rollout) === outcome && conditionOf(rollout, "Ready")?.status === "True",
    options,
  );
}

/** Waits until the candidate has a weight, and requests are shared accordingly. */
export function untilWeight(shop: Shop, weight: number): Promise<Manifest> {
  return shop.untilRollout(
    `weight ${weight} in place`,
    (rollout) =>
      cursorOf(rollout, "stage") === "Stepping" &&
      cursorOf(rollout, "weight") === String(weight) &&
      cursorOf(rollout, "inPlaceAt") !== undefined,
  );
}

/** The Deployments of a shop's revisions. */
export function revisionsOf(kube: Kube, shop: Shop): Promise<readonly Manifest[]> {
  return kube.list("apps/v1", "Deployment", {
    namespace: shop.namespace,
    labels: `${Mark.rollout}=${shop.name},${Mark.revision}`,
  });
}

/** Pods that are not being deleted, by the version that they run: their UIDs, sorted. */
export async function podsByVersion(kube: Kube, shop: Shop): Promise<ReadonlyMap<string, readonly string[]>> {
  const byVersion = new Map<string, readonly string[]>();
  for (const pod of await kube.list("v1", "Pod", { namespace: shop.namespace, labels: `app=${shop.name}` })) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const version = versionOf(at(pod, "spec", "containers"));
    byVersion.set(version, [...(byVersion.get(version) ?? []), pod.metadata.uid ?? ""].sort());
  }
  return byVersion;
}

/** The version that containers of the shop are told to be. */
export function versionOf(containers: unknown): string {
  const [container] = Array.isArray(containers) ? containers : [];
  const variable = listAt(container, "env").find((entry) => stringAt(entry, "name") === "VERSION");
  return stringAt(variable, "value") ?? "";
}

/** The selector of the shop's Service. */
export async function selectorOf(kube: Kube, shop: Shop): Promise<unknown> {
  const service = await kube.get({ apiVersion: "v1", kind: "Service", namespace: shop.namespace, name: shop.name });
  return at(service, "spec", "selector");
}

/** Ready endpoints of the shop's Service. */
export async function readyEndpoints(kube: Kube, shop: Shop): Promise<number> {
  const labels = `kubernetes.io/service-name=${shop.name}`;
  const slices = await kube.list("discovery.k8s.io/v1", "EndpointSlice", { namespace: shop.namespace, labels });
  return slices
    .flatMap((slice) => listAt(slice, "endpoints"))
    .filter((endpoint) => at(endpoint, "conditions", "ready") !== false).length;
}

/** Looks at the ready endpoints again and again until the story has ended; gives the fewest and the most. */
export async function sampled<T>(
  kube: Kube,
  shop: Shop,
  story: () => Promise<T>,
): Promise<{ readonly least: number; readonly most: number; readonly samples: number; readonly value: T }> {
  const counts: number[] = [];
  const ended = new AbortController();
  const looking = until(
    "the end of the samples",
    async () => {
      counts.push(await readyEndpoints(kube, shop));
      return undefined;
    },
    { timeoutMs: 600_000, everyMs: 40, signal: ended.signal },
  ).catch(() => undefined);
  try {
    const value = await story();
    return { least: Math.min(...counts), most: Math.max(...counts), samples: counts.length, value };
  } finally {
    ended.abort();
    await looking;
  }
}

/**
 * Pushes something and waits until a version answers no more: for two seconds on end. Gives how long after the push its last
 * answer was seen, in milliseconds. Committing and pushing is the developer's own time.
 */
export async function lastAnswerAfter(
  load: RunningLoad,
  version: string,
  push: () => Promise<unknown>,
): Promise<number> {
  const began = performance.now();
  await push();
  const pushed = performance.now();
  let [count, last] = [-1, pushed];
  await until(
    `no more answers of ${version}`,
    async (saw) => {
      const codes = (await load.stats()).byVersion[version] ?? {};
      const now = Object.values(codes).reduce((sum, one) => sum + one, 0);
      if (now !== count) [count, last] = [now, performance.now()];
      saw(`${now} answers`);
      return performance.now() - last > 2_000 ? true : undefined;
    },
    { timeoutMs: 60_000, everyMs: 25 },
  );
  log(
    `time: last answer of ${version} ${(last - pushed).toFixed(0)} ms after a push of ${(pushed - began).toFixed(0)} ms`,
  );
  return last - pushed;
}

/** The replicas that a Deployment asks for. */
export function replicasOf(deployment: Manifest): number | undefined {
  return numberAt(deployment, "spec", "replicas");
}
