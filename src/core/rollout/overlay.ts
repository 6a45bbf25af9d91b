import { at, canonical, isObject, numberAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Cursor, Stage } from "../../api/v1alpha1/cursor.ts";
import { API_VERSION, Mark } from "../../api/v1alpha1/names.ts";
import { followedRoute, overlayRoute } from "./routes/overlay.ts";
import type { RouteShare } from "./routes/word.ts";
import { baseSelector, matches, overlaidSelector, ownEntries } from "./selection.ts";

type Labels = Readonly<Record<string, string>>;

/** What a rollout says of the objects that it shares with Git. */
export interface Claim {
  /** Its own name. */
  readonly rollout: string;
  /** Name of the Deployment that it drives. */
  readonly workload: string;
  /** Name of the callers' Service. */
  readonly service: string;
  /** undefined: it has not taken over yet. */
  readonly cursor: Cursor | undefined;
  /** For a route: the word of every rollout that names it. */
  readonly shares?: readonly RouteShare[];
  /** Labels of stable's pods, once it has taken over. */
  readonly stableLabels?: Labels;
}

/** Stages in which the Deployment runs pods of its own. */
const RUNS: ReadonlySet<Stage> = new Set(["Adopting", "Narrowing", "Restoring", "HandingBack", "Releasing"]);
/** Stages in which the Deployment's template is handed back and Git's word waits. */
const HANDS_BACK: ReadonlySet<Stage> = new Set(["Restoring", "HandingBack", "Releasing"]);

/**
 * The one value of a shared object: what Git says, the rollout's cursor, and what is live.
 * Whoever writes the object, sync or rollout, writes this; so neither ever undoes the other.
 */
export function overlay(git: Manifest, claim: Claim | undefined, live: Manifest | undefined): Manifest {
  if (claim?.shares !== undefined) return overlayRoute(git, claim.shares);
  if (claim?.cursor === undefined) return git;
  const { cursor, workload, service, stableLabels, rollout } = claim;
  if (git.kind === "Deployment" && git.metadata.name === workload) return overlayDeployment(git, cursor, live);
  if (git.kind === "Service" && git.metadata.name === service) return overlayService(git, cursor, stableLabels, live);
  if (scales(git, workload) && !RUNS.has(cursor.stage)) return overlayAutoscaler(git, rollout);
  return git;
}

/** Kinds that set the replicas of what their spec.scaleTargetRef names. */
const AUTOSCALERS: ReadonlySet<string> = new Set(["HorizontalPodAutoscaler", "ScaledObject"]);

/** Tells whether an object is an autoscaler of a Deployment. */
export function scales(object: Manifest, deployment: string): boolean {
  if (!AUTOSCALERS.has(object.kind)) return false;
  const target = at(object, "spec", "scaleTargetRef");
  return isObject(target) && target["name"] === deployment && (target["kind"] ?? "Deployment") === "Deployment";
}

/** A taken-over Deployment stands at 0, where an autoscaler would give up: it scales the rollout instead. */
function overlayAutoscaler(git: Manifest, rollout: string): Manifest {
  const spec = isObject(git["spec"]) ? git["spec"] : {};
  const scaleTargetRef = { apiVersion: API_VERSION, kind: "ProgressiveRollout", name: rollout };
  return { ...git, spec: { ...spec, scaleTargetRef } };
}

/**
 * A taken-over Deployment stands at 0 replicas and remembers what Git says in an annotation. Until a rollout has begun to
 * take it over, it is Git's alone: a rollout that cannot begin must not keep it from running.
 */
function overlayDeployment(git: Manifest, cursor: Cursor, live: Manifest | undefined): Manifest {
  const spec = isObject(git["spec"]) ? git["spec"] : {};
  const said = numberAt(spec, "replicas");
  const annotated: Manifest = said === undefined ? git : withAnnotation(git, Mark.replicas, String(said));
  if (!RUNS.has(cursor.stage)) return { ...annotated, spec: { ...spec, replicas: 0 } };
  const running = numberAt(live, "spec", "replicas");
  const kept = running === undefined ? spec : { ...spec, replicas: running };
  const template = HANDS_BACK.has(cursor.stage) && isObject(live?.["spec"]) ? live["spec"]["template"] : undefined;
  return { ...annotated, spec: template === undefined ? kept : { ...kept, template } };
}

/**
 * What a stored object would say if only the rollout had changed it since: its shared fields as they are live now.
 * So a sync sees no drift in a field that a rollout moves, and leaves its correction to the rollout.
 * Of a selector only Fairlead's own entries are the rollout's; the others are Git's.
 */
export function followed(stored: Manifest, claim: Claim | undefined, live: Manifest): Manifest {
  if (claim?.shares !== undefined) return followedRoute(stored, claim.shares, live);
  const cursor = claim?.cursor;
  if (cursor === undefined) return stored;
  const from = isObject(live["spec"]) ? live["spec"] : {};
  const to = isObject(stored["spec"]) ? stored["spec"] : {};
  if (stored.kind === "Service") {
    const selector = { ...baseSelector(selectorOf(stored)), ...ownEntries(selectorOf(live)) };
    return { ...stored, spec: { ...to, selector } };
  }
  const shared = HANDS_BACK.has(cursor.stage) ? ["replicas", "template"] : ["replicas"];
  return { ...stored, spec: { ...to, ...Object.fromEntries(shared.map((field) => [field, from[field]])) } };
}

/** What Git's word comes down to for an object: while it stays the same, only a change of the live object is drift. */
export function wordOf(git: Manifest, claim: Claim | undefined, desired: Manifest): string {
  if (claim?.cursor === undefined || claim.shares !== undefined) return textOf(git);
  const target = canonical(at(desired, "spec", "scaleTargetRef"));
  const remembered = desired.metadata.annotations?.[Mark.replicas] ?? "";
  return `${canonical(baseSelector(selectorOf(desired)))} ${target} ${remembered} ${textOf(git)}`;
}

/** Whether two Services select by the same labels, Fairlead's own aside. */
export function sameBase(a: Manifest, b: Manifest): boolean {
  return canonical(baseSelector(selectorOf(a))) === canonical(baseSelector(selectorOf(b)));
}

/** Objects of a desired set never change; their text is asked for with every watch event. */
const texts = new WeakMap<Manifest, string>();

function textOf(git: Manifest): string {
  const known = texts.get(git);
  if (known !== undefined) return known;
  const text = canonical(git);
  texts.set(git, text);
  return text;
}

/**
 * A selector that stable's pods do not match would empty the Service: Git's new one waits until a revision
 * that matches it is stable.
 */
function overlayService(
  git: Manifest,
  cursor: Cursor,
  stable: Labels | undefined,
  live: Manifest | undefined,
): Manifest {
  const spec = isObject(git["spec"]) ? git["spec"] : {};
  const said = selectorOf(git);
  const waits = live !== undefined && stable !== undefined && !matches(said, stable);
  return { ...git, spec: { ...spec, selector: overlaidSelector(waits ? selectorOf(live) : said, cursor.selection) } };
}

function selectorOf(service: Manifest): Labels {
  const selector = at(service, "spec", "selector");
  return isObject(selector) ? (selector as Labels) : {};
}

function withAnnotation(object: Manifest, key: string, value: string): Manifest {
  const annotations = { ...object.metadata.annotations, [key]: value };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
