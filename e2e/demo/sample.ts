import { at, listAt, numberAt, stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { Mark } from "../../src/api/v1alpha1/names.ts";
import { parseRollout, type RolloutStatus } from "../../src/api/v1alpha1/progressiverollout.ts";
import type { LoadStats } from "../apps/load.ts";
import { conditionOf, isPodReady } from "../harness/kube.ts";

/** A pod of the shop, as the demo looks at it. */
export interface PodSample {
  readonly name: string;
  readonly uid: string;
  /** What it answers with: `v1`, `v2`, `v3`. */
  readonly version: string;
  readonly revision: string | undefined;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly restarts: number;
}

/** One look at everything that the story is about. */
export interface Sample {
  /** By the monotonic clock of this process, in milliseconds. */
  readonly at: number;
  readonly attempted: string | undefined;
  readonly applied: string | undefined;
  readonly subject: string | undefined;
  readonly status: RolloutStatus;
  readonly ready: boolean;
  readonly reason: string;
  /** The sentence of the condition, with versions in place of revisions. */
  readonly message: string;
  readonly pods: readonly PodSample[];
  /** The version of a revision, as far as it is known. */
  readonly versionOf: ReadonlyMap<string, string>;
  readonly load: LoadStats | undefined;
  /** Answers by version since the look before. */
  readonly answers: Readonly<Record<string, number>>;
}

/** What a look is made from. */
export interface Looked {
  readonly at: number;
  readonly sync: Manifest;
  readonly rollout: Manifest | undefined;
  readonly deployments: readonly Manifest[];
  readonly pods: readonly Manifest[];
  readonly load: LoadStats | undefined;
}

/** Makes a sample of what was seen; what the look before knew of revisions is kept, as they go. */
export function sampleOf(
  { at: when, sync, rollout, deployments, pods, load }: Looked,
  before: Sample | undefined,
): Sample {
  const known = deployments.flatMap(({ metadata: { labels }, spec }): [string, string][] => {
    const revision = labels?.[Mark.revision];
    return revision === undefined ? [] : [[revision, versionIn(at(spec, "template", "spec"))]];
  });
  const status = rollout === undefined ? {} : parseRollout(rollout).status;
  const versionOf = new Map([...(before?.versionOf ?? []), ...known]);
  // A candidate is the template of Git's Deployment, before it has one of its own.
  const candidate = status.rollout?.candidate;
  const workload = deployments.find(({ metadata }) => metadata.labels?.[Mark.revision] === undefined);
  if (candidate !== undefined && !versionOf.has(candidate)) {
    versionOf.set(candidate, versionIn(at(workload, "spec", "template", "spec")));
  }
  const condition =
    (rollout === undefined ? undefined : conditionOf(rollout, "Ready")) ?? conditionOf(sync, "Ready") ?? NOTHING_YET;
  return {
    at: when,
    attempted: stringAt(sync, "status", "attemptedRevision"),
    applied: stringAt(sync, "status", "appliedRevision"),
    subject: stringAt(sync, "status", "subject"),
    status,
    ready: condition.status === "True",
    reason: condition.reason,
    message: withVersions(condition.message, versionOf),
    pods: pods.map(podSample),
    versionOf,
    load,
    answers: difference(totals(load), totals(before?.load)),
  };
}

const NOTHING_YET = { status: "Unknown", reason: "", message: "nothing is reported yet" };

/** Puts versions, which a person knows, in the place of revisions. */
export function withVersions(message: string, versionOf: ReadonlyMap<string, string>): string {
  let text = message;
  for (const [revision, version] of versionOf) {
    text = text.replaceAll(`revision ${revision}`, version).replaceAll(revision, version);
  }
  return text;
}

/** How many answers came of each version, whatever their codes. */
export function totals(load: LoadStats | undefined): Readonly<Record<string, number>> {
  const entries = Object.entries(load?.byVersion ?? {});
  return Object.fromEntries(
    entries.map(([version, codes]) => [version, Object.values(codes).reduce((sum, count) => sum + count, 0)]),
  );
}

function difference(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const entries = Object.entries(now).map(([key, count]): [string, number] => [key, count - (before[key] ?? 0)]);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

function podSample(pod: Manifest): PodSample {
  const restarts = listAt(pod, "status", "containerStatuses").map((one) => numberAt(one, "restartCount") ?? 0);
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? "",
    version: versionIn(pod["spec"]),
    revision: pod.metadata.labels?.[Mark.revision],
    ready: isPodReady(pod),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    restarts: restarts.reduce((sum, count) => sum + count, 0),
  };
}

/** The version that the containers of a pod's spec are told to answer with. */
function versionIn(spec: unknown): string {
  const [container] = listAt(spec, "containers");
  const version = listAt(container, "env").find((one) => stringAt(one, "name") === "VERSION");
  return stringAt(version, "value") ?? "?";
}
