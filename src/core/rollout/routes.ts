import { at, isObject, type Json, type JsonObject, listAt, numberAt, sameJson, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { revisionName } from "./revision.ts";

/** Shares of requests that rules give to revisions, in percent; they add up to 100. */
export type Split = NonNullable<Cursor["split"]>;

/** What one rollout says of a route: where requests for its Service go. */
export interface RouteShare {
  readonly namespace: string;
  /** The callers' Service. */
  readonly service: string;
  /** The Deployment that the revisions are named after. */
  readonly workload: string;
  /** undefined: as Git says. */
  readonly split: Split | undefined;
}

/** What live rules say of a rollout's Service. Mixed: not the same everywhere, as after a write by someone else. */
export type Said = Split | "Git" | "Mixed";

/** A route of Gateway API, as far as a rollout looks at it. */
export interface RouteSeen {
  readonly kind: string;
  readonly name: string;
  readonly said: Said;
  /** What its parents have not done yet, in words; undefined once all of them follow this generation of it. */
  readonly waits: string | undefined;
}

/** A percentage is split into thousandths, so a tenth of a percent can be said. A backend's own weight is at most 1,000 therefore. */
const UNITS_PER_PERCENT = 10;
const UNITS = 100 * UNITS_PER_PERCENT;
/** The largest weight that Gateway API allows, in units. */
const MOST_OWN_WEIGHT = 1_000_000 / UNITS;

/** The rules with requests for the Service split over the revisions' Services; whatever else they hold stays as it is. */
export function splitRules(rules: readonly Json[], share: RouteShare): readonly Json[] {
  const base = baseRules(rules, share);
  const { split } = share;
  if (split === undefined) return base;
  return withBackends(base, (backends) =>
    backends.flatMap((backend): readonly Json[] => {
      if (!names(backend, share, share.service)) return [backend];
      const own = numberAt(backend, "weight") ?? 1;
      return split.map(({ revision, weight }) => ({
        ...(isObject(backend) ? backend : {}),
        name: revisionName(share.workload, revision),
        weight: Math.round(own * weight * UNITS_PER_PERCENT),
      }));
    }),
  );
}

/** What the rules say without the rollout: the revisions' Services become the callers' Service again. */
export function baseRules(rules: readonly Json[], share: RouteShare): readonly Json[] {
  return withBackends(rules, (backends) =>
    groups(backends, share).map((group) => {
      if (!("split" in group)) return group.backend;
      return { ...group.rest, name: share.service, weight: Math.round(sumOf(group.split) / UNITS) };
    }),
  );
}

/** Neighbours in a list of backends that stand for one backend of Git's, with their weights as written; or one that is none. */
type Group = { readonly backend: Json } | { readonly rest: JsonObject; readonly split: Split };

function groups(backends: readonly Json[], share: RouteShare): readonly Group[] {
  const found: Group[] = [];
  for (const backend of backends) {
    const revision = revisionIn(backend, share);
    if (revision === undefined || !isObject(backend)) {
      found.push({ backend });
      continue;
    }
    const { name: _name, weight, ...rest } = backend;
    const entry = { revision, weight: typeof weight === "number" ? weight : 1 };
    const last = found.at(-1);
    const joins =
      last !== undefined &&
      "split" in last &&
      sameJson(last.rest, rest) &&
      last.split.every((one) => one.revision !== revision);
    if (joins) found[found.length - 1] = { rest, split: [...last.split, entry] };
    else found.push({ rest, split: [entry] });
  }
  return found;
}

function splitsIn(backends: readonly Json[], share: RouteShare): readonly Split[] {
  return groups(backends, share).flatMap((group) => {
    const sum = "split" in group ? sumOf(group.split) : 0;
    if (!("split" in group) || sum === 0) return [];
    const percent = (weight: number) => Math.round((weight / sum) * UNITS) / UNITS_PER_PERCENT;
    return [group.split.map(({ revision, weight }) => ({ revision, weight: percent(weight) }))];
  });
}

function sumOf(split: Split): number {
  return split.reduce((sum, { weight }) => sum + weight, 0);
}

/** What live rules say of the Service. */
export function readSplit(rules: readonly Json[], share: RouteShare): Said {
  const [split] = rules.flatMap((rule) => splitsIn(listAt(rule, "backendRefs"), share));
  if (split === undefined) return "Git";
  return sameJson(rules, splitRules(rules, { ...share, split })) ? split : "Mixed";
}

/** Tells whether two words on a route are the same. */
export function sameSaid(a: Said, b: Said): boolean {
  const text = (said: Said) => (typeof said === "string" ? said : textOf(said));
  return text(a) === text(b);
}

function textOf(split: Split): string {
  return split
    .map(({ revision, weight }) => `${revision}=${weight}`)
    .sort()
    .join();
}

/** The share of requests, in percent, that a word on a route may give to a revision. */
export function weightOf(said: Said, revision: string): number {
  if (said === "Git") return 0;
  return said === "Mixed" ? 100 : (said.find((one) => one.revision === revision)?.weight ?? 0);
}

/** What is wrong with a route for a rollout, in words: nothing in it names the Service, or its weights are too fine to split. */
export function unfitness(rules: readonly Json[], share: RouteShare): string | undefined {
  const own = baseRules(rules, share)
    .flatMap((rule) => listAt(rule, "backendRefs"))
    .filter((backend) => names(backend, share, share.service));
  if (own.length === 0) return `has no rule with a backendRef to Service ${share.service}`;
  const heavy = own.find((backend) => (numberAt(backend, "weight") ?? 1) > MOST_OWN_WEIGHT);
  if (heavy === undefined) return undefined;
  return `gives Service ${share.service} weight ${numberAt(heavy, "weight")}; up to ${MOST_OWN_WEIGHT} can be split`;
}

/** The overlay of a route: what Git says, with the word of every rollout whose Service it names. */
export function overlayRoute(git: Manifest, shares: readonly RouteShare[]): Manifest {
  const spec = isObject(git["spec"]) ? git["spec"] : {};
  const rules = shares.reduce(splitRules, listAt(spec, "rules"));
  return rules === at(spec, "rules") ? git : { ...git, spec: { ...spec, rules } };
}

/** What a stored route would say if only the rollouts had changed it since: their weights are no drift. */
export function followedRoute(stored: Manifest, shares: readonly RouteShare[], live: Manifest): Manifest {
  const base = (route: Manifest) => shares.reduce(baseRules, listAt(route, "spec", "rules"));
  if (!sameJson(base(stored), base(live))) return stored;
  const spec = isObject(stored["spec"]) ? stored["spec"] : {};
  return { ...stored, spec: { ...spec, rules: listAt(live, "spec", "rules") } };
}

function withBackends(rules: readonly Json[], change: (backends: readonly Json[]) => readonly Json[]): readonly Json[] {
  return rules.map((rule) => {
    const backends = listAt(rule, "backendRefs");
    return isObject(rule) && backends.length > 0 ? { ...rule, backendRefs: change(backends) } : rule;
  });
}

/** A Service of the route's own namespace: another namespace's one of the same name is somebody else's. */
function names(backend: Json, { namespace }: RouteShare, service: string): boolean {
  const core = (stringAt(backend, "group") ?? "") === "" && (stringAt(backend, "kind") ?? "Service") === "Service";
  return core && (at(backend, "namespace") ?? namespace) === namespace && stringAt(backend, "name") === service;
}

const REVISION = /-([bcdfghjklmnpqrstvwxz2456789]{8,9})$/;

function revisionIn(backend: Json, share: RouteShare): string | undefined {
  const name = stringAt(backend, "name") ?? "";
  const revision = REVISION.exec(name)?.[1];
  const ours = revision !== undefined && revisionName(share.workload, revision) === name && names(backend, share, name);
  return ours ? revision : undefined;
}
