import { type Json, listAt, sameJson, stringAt } from "../../../api/json.ts";
import { isService, ownWeight, UNITS } from "./backends.ts";
import { baseRules, splitRules } from "./rules.ts";
import type { RouteShare } from "./word.ts";

/** What Gateway API allows. */
const MOST = { rules: 16, matches: 128, headers: 16, backendRefs: 16 };
/** The largest weight that it allows, in units of ours. */
const MOST_OWN_WEIGHT = 1_000_000 / UNITS;

/** What is wrong with a route for a rollout, in words; undefined when it can say all that the rollout may want. */
export function unfitness(
  rules: readonly Json[],
  share: RouteShare,
  others: readonly RouteShare[],
): string | undefined {
  const all = [...others, share];
  const own = baseRules(rules, all).filter((rule) => namesService(rule, share));
  if (own.length === 0) return `has no rule with a backendRef to Service ${share.service}`;
  const heavy = own.flatMap((rule) => listAt(rule, "backendRefs")).find((one) => ownWeight(one) > MOST_OWN_WEIGHT);
  if (heavy !== undefined) {
    return `gives ${stringAt(heavy, "name")} weight ${ownWeight(heavy)}; up to ${MOST_OWN_WEIGHT} can be split`;
  }
  return lackOfRoom(rules, all);
}

/** Why the rules that rollouts may want do not fit into a route, in words. */
export function lackOfRoom(rules: readonly Json[], shares: readonly RouteShare[]): string | undefined {
  const full = splitRules(
    rules,
    shares.map((share) => ({ ...share, word: share.most })),
  );
  const matches = full.reduce<number>((sum, rule) => sum + Math.max(1, listAt(rule, "matches").length), 0);
  if (full.length > MOST.rules) return `would have ${full.length} rules; Gateway API allows ${MOST.rules}`;
  if (matches > MOST.matches) return `would have ${matches} matches; Gateway API allows ${MOST.matches}`;
  const broken = full.map(brokenRule).find((why) => why !== undefined);
  return broken ?? stolen(rules, shares);
}

function brokenRule(rule: Json): string | undefined {
  const backends = listAt(rule, "backendRefs");
  if (backends.length > MOST.backendRefs) {
    return `would have a rule with ${backends.length} backendRefs; Gateway API allows ${MOST.backendRefs}`;
  }
  const twice = backends.find((backend) => listAt(backend, "filters").filter(modifiesAnswers).length > 1);
  if (twice !== undefined) {
    return `has a ResponseHeaderModifier at a backendRef already, where a sticky rollout needs one`;
  }
  for (const match of listAt(rule, "matches")) {
    const names = listAt(match, "headers").map((header) => (stringAt(header, "name") ?? "").toLowerCase());
    const again = names.find((name, index) => names.indexOf(name) !== index);
    if (again !== undefined) return `matches header ${again} already, and one match can name a header once`;
    if (names.length > MOST.headers) return `would match ${names.length} headers; Gateway API allows ${MOST.headers}`;
  }
  return undefined;
}

function modifiesAnswers(filter: Json): boolean {
  return stringAt(filter, "type") === "ResponseHeaderModifier";
}

/**
 * A rule of somebody else that would lose requests to a rule of ours. Rules for the same path and method are ordered by their
 * header matches, then by the queries, then by their place: ours have one header more than the rule that they come from.
 */
function stolen(rules: readonly Json[], shares: readonly RouteShare[]): string | undefined {
  const base = baseRules(rules, shares);
  const taking = shares.filter(({ most }) => most.chosen.length > 0);
  for (const [i, own] of base.entries()) {
    if (!taking.some((share) => namesService(own, share))) continue;
    for (const [j, other] of base.entries()) {
      if (taking.some((share) => namesService(other, share)) || !loses({ own, other }, j < i)) continue;
      return `would let the rollout's rules take requests from rule ${j + 1}, which now come first; give it another header match, or put it before rule ${i + 1}`;
    }
  }
  return undefined;
}

function loses({ own, other }: { readonly own: Json; readonly other: Json }, isBefore: boolean): boolean {
  const anything: readonly Json[] = [{}];
  const matchesOf = (rule: Json) => (listAt(rule, "matches").length === 0 ? anything : listAt(rule, "matches"));
  return matchesOf(own).some((mine) =>
    matchesOf(other).some((theirs) => {
      if (!samePlace(mine, theirs) || excludes(mine, theirs)) return false;
      const [more, queries] = [
        count(theirs, "headers") - count(mine, "headers"),
        count(theirs, "queryParams") - count(mine, "queryParams"),
      ];
      const cameFirst = more > 0 || (more === 0 && (queries > 0 || (queries === 0 && isBefore)));
      const comesFirst = more > 1 || (more === 1 && (queries > 0 || (queries === 0 && isBefore)));
      return cameFirst && !comesFirst;
    }),
  );
}

function count(match: Json, field: string): number {
  return listAt(match, field).length;
}

function samePlace(a: Json, b: Json): boolean {
  const place = (match: Json) => {
    const { path, method } = match as Readonly<Record<string, Json | undefined>>;
    return [path ?? { type: "PathPrefix", value: "/" }, method ?? null];
  };
  return sameJson(place(a), place(b));
}

/** No request can have both: they want different values of one header. */
function excludes(a: Json, b: Json): boolean {
  const exact = (match: Json) =>
    listAt(match, "headers").filter((one) => stringAt(one, "type") !== "RegularExpression");
  return exact(a).some((one) =>
    exact(b).some(
      (other) =>
        stringAt(one, "name")?.toLowerCase() === stringAt(other, "name")?.toLowerCase() &&
        stringAt(one, "value") !== stringAt(other, "value"),
    ),
  );
}

function namesService(rule: Json, share: RouteShare): boolean {
  return listAt(rule, "backendRefs").some((backend) => isService(backend, share));
}
