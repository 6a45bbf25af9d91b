import { sameJson } from "../../../api/json.ts";
import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { audienceOf, type HeaderMatch } from "./audience.ts";
import { type Part, tenths, weightIn } from "./split.ts";
import { partsOf, ticketsMatch } from "./sticky.ts";

/** Requests that go to one revision whatever the weights are: those with any of the headers. */
export interface Chosen {
  readonly revision: string;
  readonly headers: readonly HeaderMatch[];
}

/** What a rollout says of the requests for its Service; the parts add up to 100. */
export interface Word {
  readonly parts: readonly Part[];
  readonly chosen: readonly Chosen[];
}

/** What live rules say of a rollout's Service. Mixed: not the same everywhere, as after a write by someone else. */
export type Said = Word | "Git" | "Mixed";

/** What one rollout says of a route: where requests for its Service go. */
export interface RouteShare {
  readonly namespace: string;
  /** The callers' Service. */
  readonly service: string;
  /** The Deployment that the revisions are named after. */
  readonly workload: string;
  readonly word: Word | "Git";
  /** The word that takes the most room: what does not fit is left out from the beginning, never in mid-rollout. */
  readonly most: Word;
}

/** A route of Gateway API, as far as a rollout looks at it. */
export interface RouteSeen {
  readonly kind: string;
  readonly name: string;
  readonly said: Said;
  /** It has no room for rules of ours: weights are all that it can say. */
  readonly cramped: boolean;
  /** What its parents have not done yet, in words; undefined once all of them follow this generation of it. */
  readonly waits: string | undefined;
  /** Why a parent refuses what it says, in words. */
  readonly refusal: string | undefined;
  /** Whoever keeps undoing what the rollout says of it. */
  readonly rival?: Rival;
}

/** Another writer of a route, to whom a word is left for a while: a fight that goes on at full speed helps nobody. */
export interface Rival {
  readonly by: string;
  /** What it keeps undoing; any other word, such as that of a way back, is written at once. */
  readonly word: Word | "Git";
  /** Epoch milliseconds. */
  readonly until: number;
}

/** What a cursor says on routes. */
export function wordOf(
  cursor: Pick<Cursor, "split" | "audience" | "candidate"> | undefined,
  spec: RolloutSpec,
): Word | "Git" {
  if (cursor?.split === undefined) return "Git";
  const { split, audience, candidate } = cursor;
  const headers = audience === undefined ? [] : audienceOf(spec);
  const chosen = audience === undefined || headers.length === 0 ? [] : [{ revision: audience, headers }];
  const parts = candidate === undefined ? [] : partsOf(split, candidate, spec);
  if (candidate === undefined || parts.length === 0) return { parts: split, chosen };
  return { parts, chosen: joined([...chosen, ...ticketsMatch(split, candidate, spec.serviceRef.name)]) };
}

/** Neighbours that go to the same revision are one: live rules tell no more than where each header leads. */
function joined(all: readonly Chosen[]): readonly Chosen[] {
  const found: Chosen[] = [];
  for (const one of all) {
    const last = found.at(-1);
    if (last?.revision === one.revision) found.splice(-1, 1, { ...last, headers: [...last.headers, ...one.headers] });
    else found.push(one);
  }
  return found;
}

/** The word that takes most room of all that a rollout may say: with a weight of no step, and names as long as those of revisions. */
export function mostOf(spec: RolloutSpec): Word {
  const [stable, candidate] = ["bbbbbbbb", "cccccccc"];
  const split = [
    { revision: stable, weight: 99.9 },
    { revision: candidate, weight: 0.1 },
  ];
  const word = wordOf({ split, audience: candidate, candidate }, spec);
  return word === "Git" ? { parts: split, chosen: [] } : word;
}

/** A word without rules of ours and without tickets. */
export function plain(word: Word): Word {
  const sums = new Map<string, number>();
  for (const { revision, weight } of word.parts) sums.set(revision, (sums.get(revision) ?? 0) + weight);
  return { parts: [...sums].map(([revision, sum]) => ({ revision, weight: tenths(sum) })), chosen: [] };
}

/** Tells whether two words on a route are the same. */
export function sameSaid(a: Said, b: Said): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return sameJson(asJson(a), asJson(b));
}

function asJson({ parts, chosen }: Word) {
  return {
    parts: parts.map((part) => ({ ...part })),
    chosen: chosen.map(({ revision, headers }) => ({ revision, headers: headers.map((header) => ({ ...header })) })),
  };
}

/** The share of requests, in percent, that a word gives to a revision, its audience aside. */
export function weightOf(said: Said, revision: string): number {
  if (typeof said !== "string") return weightIn(said.parts, revision);
  return said === "Mixed" ? 100 : 0;
}

/** The share of requests, in percent, that stable gets: where Git speaks they go to the Service. */
export function stableShare(said: Said, stable: string): number {
  return said === "Git" ? 100 : weightOf(said, stable);
}

/** Tells whether a word may bring requests to a revision. */
export function reaches(said: Said, revision: string): boolean {
  if (weightOf(said, revision) > 0) return true;
  return typeof said !== "string" && said.chosen.some((one) => one.revision === revision);
}
