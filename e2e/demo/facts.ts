import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { isObject, type Json } from "../../src/api/json.ts";
import { isManifest, type Manifest, refOf, title } from "../../src/api/objects.ts";
import type { LoadStats } from "../apps/load.ts";
import type { Kube } from "../harness/kube.ts";
import { DEPLOY, type Shop } from "../harness/shop.ts";
import type { Sample } from "./sample.ts";
import { onlyFrom, type Pushes } from "./story.ts";

/** All that was found out, for the table and the checks. */
export interface Facts {
  readonly samples: readonly Sample[];
  readonly pushes: Pushes;
  readonly rate: number;
  readonly clusterMs: number;
  readonly sceneMs: number;
  readonly load: LoadStats | undefined;
  /** Resident memory of the leader at rest, in bytes. */
  readonly memory: number | undefined;
  /** Where the cluster says something else than Git; undefined when that was not looked at. */
  readonly differences: readonly string[] | undefined;
}

/** Milliseconds from each push to its effects; undefined for what did not happen. */
export interface Timings {
  readonly v2Seen: number | undefined;
  readonly v2Begun: number | undefined;
  readonly v2Whole: number | undefined;
  readonly v2FirstAnswer: number | undefined;
  readonly v2Promoted: number | undefined;
  readonly v3FirstAnswer: number | undefined;
  readonly v3Rejected: number | undefined;
  readonly readyAgain: number | undefined;
  readonly v1FirstAnswer: number | undefined;
  readonly v1Alone: number | undefined;
}

/** Reads off the samples when things happened, each measured from the start of its push. */
export function timings({ samples, pushes }: Facts): Timings {
  const since = (push: { readonly at: number } | undefined, holds: (sample: Sample) => boolean) => {
    const found = push && samples.find((sample) => sample.at >= push.at && holds(sample));
    return push && found && found.at - push.at;
  };
  const { v2, v3, revertOfV3, revertOfV2 } = pushes;
  const finished = (outcome: string, version: string) => (sample: Sample) => {
    const entry = sample.status.history?.[0];
    return entry?.outcome === outcome && sample.versionOf.get(entry.revision) === version;
  };
  return {
    v2Seen: since(v2, ({ attempted }) => attempted === v2?.sha),
    v2Begun: since(v2, ({ status }) => status.rollout?.candidate !== undefined),
    v2Whole: since(v2, ({ applied }) => applied === v2?.sha),
    v2FirstAnswer: since(v2, ({ answers }) => answers["v2"] !== undefined),
    v2Promoted: since(v2, finished("Promoted", "v2")),
    v3FirstAnswer: since(v3, ({ answers }) => answers["v3"] !== undefined),
    v3Rejected: since(v3, ({ status }) => status.rollout?.cause === "Rejected"),
    readyAgain: since(revertOfV3, ({ applied, ready }) => applied === revertOfV3?.sha && ready),
    v1FirstAnswer: since(revertOfV2, ({ answers }) => answers["v1"] !== undefined),
    v1Alone: lastTurn(samples, revertOfV2?.at, "v1"),
  };
}

/** From when on all answers were of one version and stayed so. */
function lastTurn(samples: readonly Sample[], at: number | undefined, version: string): number | undefined {
  if (at === undefined) return undefined;
  const during = samples.filter((sample) => sample.at >= at);
  const answered = during.filter((sample) => Object.keys(sample.answers).length > 0);
  const turn = answered[answered.findLastIndex((sample) => !onlyFrom(sample, version)) + 1];
  return turn && turn.at - at;
}

/** The resident memory that a process tells of in Prometheus' text format. */
export function residentMemory(metrics: string): number | undefined {
  const found = /^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)/m.exec(metrics)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Where live objects differ from Git's files: every field of Git must be there, but a taken-over Deployment's replicas. */
export async function differencesFromGit(kube: Kube, shop: Shop): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of ["deployment", "service", "rollout"]) {
    const wanted = parse(await readFile(join(shop.copy.directory, DEPLOY, `${file}.yaml`), "utf8")) as Json;
    if (!isManifest(wanted)) throw new Error(`${file}.yaml holds no object`);
    const live = await kube.get(refOf(wanted));
    found.push(...differences(wanted, live, title(refOf(wanted))).filter((path) => !path.endsWith(".spec.replicas")));
    found.push(...extraSelectors(wanted, live));
  }
  return found;
}

/** A selector must not only hold Git's entries: one more and it selects less. */
function extraSelectors(wanted: Manifest, live: Manifest): readonly string[] {
  if (wanted.kind !== "Service") return [];
  const selector = (service: Manifest): Json | undefined =>
    isObject(service["spec"]) ? service["spec"]["selector"] : undefined;
  return differences(selector(live), selector(wanted), `${title(refOf(wanted))}.spec.selector`);
}

/** The paths of what is wanted and is not so. */
export function differences(wanted: unknown, live: unknown, path: string): readonly string[] {
  if (isObject(wanted)) {
    return Object.entries(wanted).flatMap(([key, value]) =>
      differences(value, isObject(live) ? live[key] : undefined, `${path}.${key}`),
    );
  }
  if (Array.isArray(wanted)) {
    const other = Array.isArray(live) ? live : [];
    return wanted.flatMap((value, index) => differences(value, other[index], `${path}[${index}]`));
  }
  return wanted === live ? [] : [path];
}
