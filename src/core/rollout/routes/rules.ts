import { isObject, type Json, type JsonObject, listAt, sameJson, stringAt } from "../../../api/json.ts";
import type { HeaderMatch } from "./audience.ts";
import { atRevision, groups, isService, type Owner, ownWeight, revisionIn, UNITS } from "./backends.ts";
import { type Part, tenths } from "./split.ts";
import type { Chosen, RouteShare, Said, Word } from "./word.ts";

/**
 * The rules with requests for the Services split as each rollout says, and rules of ours before those for a chosen few.
 * Whatever else the rules hold stays as it is; in a rule that is split all weights are counted in thousandths.
 */
export function splitRules(rules: readonly Json[], shares: readonly RouteShare[]): readonly Json[] {
  const inOrder = [...shares].sort((a, b) => (a.service < b.service ? -1 : 1));
  return baseRules(rules, shares)
    .flatMap((rule) =>
      inOrder.reduce<readonly Json[]>((list, share) => list.flatMap((one) => said(one, share)), [rule]),
    )
    .map((rule) => counted(rule, shares));
}

/** What the rules say without the rollouts: the revisions' Services become the callers' Services again. */
export function baseRules(rules: readonly Json[], owners: readonly Owner[]): readonly Json[] {
  return rules.filter((rule) => !owners.some((owner) => isOurs(rule, owner))).map((rule) => home(rule, owners));
}

/** What live rules say of one rollout's Service. */
export function readWord(rules: readonly Json[], share: RouteShare, others: readonly RouteShare[]): Said {
  const all = [...others, share];
  const ours = rules.map((rule) => all.filter((owner) => isOurs(rule, owner)));
  const index = rules.findIndex((rule, at) => ours[at]?.length === 0 && partsIn(rule, share).length > 0);
  const own = rules.filter((_rule, at) => ours[at]?.length === 1 && ours[at].includes(share));
  if (index < 0) return own.length === 0 ? "Git" : "Mixed";
  const before = own.filter((rule) => rules.indexOf(rule) < index);
  const word: Word = { parts: partsIn(rules[index], share), chosen: chosenIn(before, share) };
  return sameJson(rules, splitRules(rules, [...others, { ...share, word }])) ? word : "Mixed";
}

/** A rule as one rollout says it. */
function said(rule: Json, share: RouteShare): readonly Json[] {
  const { word } = share;
  const backends = listAt(rule, "backendRefs");
  if (word === "Git" || !isObject(rule) || !backends.some((backend) => isService(backend, share))) return [rule];
  const split = backends.flatMap((backend): readonly Json[] =>
    isService(backend, share) ? word.parts.map((part) => atRevision(backend, part, share)) : [backend],
  );
  return [...word.chosen.flatMap((chosen) => forChosen(rule, chosen, share)), { ...rule, backendRefs: split }];
}

/** How many matches earlier releases of Gateway API allow in a rule. */
const MATCHES = 8;

/**
 * Rules that take the chosen requests out of a rule and do the rest as it does. They stand before it, and have one header match
 * more, so they come first wherever rules are ordered by either. The callers' Service at weight 0 is the mark by which
 * they are known: it survives every release of the API. A rule's name must be unique, so they have none.
 */
function forChosen(rule: JsonObject, { revision, headers }: Chosen, share: RouteShare): readonly Json[] {
  const { name: _name, ...rest } = rule;
  const own = listAt(rule, "matches");
  const matches = (own.length === 0 ? [{}] : own).flatMap((match) => headers.map((header) => narrowed(match, header)));
  const backendRefs = listAt(rule, "backendRefs").flatMap((backend): readonly Json[] =>
    isService(backend, share)
      ? [atRevision(backend, { revision, weight: 100 }, share), { ...(backend as JsonObject), weight: 0 }]
      : [backend],
  );
  const size = Math.max(MATCHES, own.length);
  const chunks = Array.from({ length: Math.ceil(matches.length / size) }, (_, at) =>
    matches.slice(at * size, (at + 1) * size),
  );
  return chunks.map((chunk) => ({ ...rest, matches: chunk, backendRefs }));
}

function narrowed(match: Json, header: HeaderMatch): Json {
  return { ...(isObject(match) ? match : {}), headers: [...listAt(match, "headers"), { ...header }] };
}

/** Tells whether a rule was put in for a rollout's chosen few. */
function isOurs(rule: Json, owner: Owner): boolean {
  const backends = listAt(rule, "backendRefs");
  return backends.some((backend, index) => {
    const next = backends[index + 1];
    return revisionIn(backend, owner) !== undefined && isService(next, owner) && ownWeight(next ?? null) === 0;
  });
}

/** Weights of a rule that is split are whole numbers of thousandths, those of other backends too: their shares stay. */
function counted(rule: Json, owners: readonly Owner[]): Json {
  const backends = listAt(rule, "backendRefs");
  const split = isSplit(backends, owners);
  if (!isObject(rule) || (!split && backends.every((backend) => Number.isInteger(ownWeight(backend))))) return rule;
  const weight = (own: number) => (split ? Math.round(own * UNITS) : Math.max(own > 0 ? 1 : 0, Math.round(own)));
  return { ...rule, backendRefs: backends.map((backend) => weighed(backend, weight(ownWeight(backend)))) };
}

function home(rule: Json, owners: readonly Owner[]): Json {
  const backends = listAt(rule, "backendRefs");
  if (!isObject(rule) || !isSplit(backends, owners)) return rule;
  const joined = owners.reduce<readonly Json[]>(
    (list, owner) =>
      groups(list, owner).map((group) =>
        "parts" in group ? { ...group.rest, name: owner.service, weight: sumOf(group.parts) } : group.backend,
      ),
    backends,
  );
  return { ...rule, backendRefs: joined.map((backend) => weighed(backend, ownWeight(backend) / UNITS)) };
}

function isSplit(backends: readonly Json[], owners: readonly Owner[]): boolean {
  return backends.some((backend) => owners.some((owner) => revisionIn(backend, owner) !== undefined));
}

function weighed(backend: Json, weight: number): Json {
  return { ...(isObject(backend) ? backend : {}), weight };
}

/** The parts that a rule gives to revisions, in percent. */
function partsIn(rule: Json | undefined, owner: Owner): readonly Part[] {
  for (const group of groups(listAt(rule, "backendRefs"), owner)) {
    const sum = "parts" in group ? sumOf(group.parts) : 0;
    if ("parts" in group && sum > 0)
      return group.parts.map((part) => ({ ...part, weight: tenths((part.weight / sum) * 100) }));
  }
  return [];
}

/** Who is chosen by rules of ours: the last header of each match is the one that was added. */
function chosenIn(rules: readonly Json[], owner: Owner): readonly Chosen[] {
  const found: { readonly revision: string; readonly headers: HeaderMatch[] }[] = [];
  for (const rule of rules) {
    const [part] = listAt(rule, "backendRefs").flatMap((backend) => revisionIn(backend, owner) ?? []);
    for (const match of listAt(rule, "matches")) {
      const header = headerIn(listAt(match, "headers").at(-1));
      const last = found.at(-1);
      if (last === undefined || last.revision !== part) found.push({ revision: part ?? "", headers: [header] });
      else if (!last.headers.some((one) => sameJson({ ...one }, { ...header }))) last.headers.push(header);
    }
  }
  return found;
}

function headerIn(header: Json | undefined): HeaderMatch {
  const type = stringAt(header, "type") === "RegularExpression" ? "RegularExpression" : "Exact";
  return { name: stringAt(header, "name") ?? "", type, value: stringAt(header, "value") ?? "" };
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { weight }) => sum + weight, 0);
}
