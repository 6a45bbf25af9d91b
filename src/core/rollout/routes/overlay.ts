import { at, isObject, type Json, listAt, sameJson } from "../../../api/json.ts";
import type { Manifest } from "../../../api/objects.ts";
import { lackOfRoom } from "./fit.ts";
import { baseRules, splitRules } from "./rules.ts";
import { plain, type RouteShare } from "./word.ts";

/** The overlay of a route: what Git says, with the word of every rollout whose Service it names. */
export function overlayRoute(git: Manifest, shares: readonly RouteShare[]): Manifest {
  const spec = isObject(git["spec"]) ? git["spec"] : {};
  const rules = overlaidRules(listAt(spec, "rules"), shares);
  return sameJson(rules, listAt(spec, "rules")) ? git : { ...git, spec: { ...spec, rules } };
}

/** Where rules of ours do not fit, weights are all that is said: a route that is too large would be refused as a whole. */
function overlaidRules(rules: readonly Json[], shares: readonly RouteShare[]): readonly Json[] {
  const simple = shares.every(({ word }) => word === "Git" || sameParts(word));
  if (simple || lackOfRoom(rules, shares) === undefined) return splitRules(rules, shares);
  return splitRules(
    rules,
    shares.map((share) => (share.word === "Git" ? share : { ...share, word: plain(share.word) })),
  );
}

function sameParts({ parts, chosen }: Exclude<RouteShare["word"], "Git">): boolean {
  return chosen.length === 0 && parts.every(({ ticket }) => ticket === undefined);
}

/** What a stored route would say if only the rollouts had changed it since: their weights are no drift. */
export function followedRoute(stored: Manifest, shares: readonly RouteShare[], live: Manifest): Manifest {
  const base = (route: Manifest) => baseRules(listAt(route, "spec", "rules"), shares);
  if (!sameJson(base(stored), base(live))) return stored;
  const spec = isObject(stored["spec"]) ? stored["spec"] : {};
  return { ...stored, spec: { ...spec, rules: at(live, "spec", "rules") ?? [] } };
}
