import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { cookieMatch } from "./audience.ts";
import { type Part, type Split, tenths, weightIn } from "./split.ts";
import type { Chosen } from "./word.ts";

/** A ticket's end is counted in tenths of a percent. */
const TENTHS = 10;

/**
 * The parts of a sticky canary: one up to each weight of its steps, and up to the weight that it has. A user draws one of them
 * with the first answer, keeps its ticket, and is at the candidate as soon as the weight reaches the part's upper end: so a user
 * is on one track in a step, and goes to the candidate when its turn comes, and not back.
 * Example, steps 10 and 50, at 10: candidate 10 (ticket -100), stable 40 (ticket -500), stable 50 (ticket -1000).
 * None where nothing sticks.
 */
export function partsOf(split: Split, candidate: string, { strategy }: RolloutSpec): readonly Part[] {
  const weight = weightIn(split, candidate);
  const stable = split.find(({ revision }) => revision !== candidate)?.revision;
  if (strategy.canary?.sticky === undefined || stable === undefined || weight === 0) return [];
  const weights = strategy.canary.steps.flatMap((step) => (step.weight === undefined ? [] : [step.weight]));
  const ends = [...new Set([...weights, weight, 100])].filter((end) => end > 0).sort((a, b) => a - b);
  return ends.map((end, index) => ({
    revision: end <= weight ? candidate : stable,
    weight: tenths(end - (ends[index - 1] ?? 0)),
    ticket: `${candidate}-${Math.round(end * TENTHS)}`,
  }));
}

/** Those who come with a ticket of the candidate go where their part is, whatever steps it was drawn by. The first rule counts. */
export function ticketsMatch(split: Split, candidate: string, service: string): readonly Chosen[] {
  const reached = upTo(Math.round(weightIn(split, candidate) * TENTHS));
  return split
    .toSorted((a, b) => Number(b.revision === candidate) - Number(a.revision === candidate))
    .map(({ revision }) => {
      const ends = revision === candidate ? `(${reached})` : "[0-9]+";
      return { revision, headers: [cookieMatch(cookieName(service), `${candidate}-${ends}`)] };
    });
}

/** The cookie that carries a user's ticket. */
export function cookieName(service: string): string {
  return `fairlead-${service}`;
}

/** A pattern of the whole numbers from 1 to another one. */
export function upTo(most: number): string {
  const digits = String(most);
  const shorter = digits.length > 1 ? [`[1-9][0-9]{0,${digits.length - 2}}`] : [];
  const smaller = [...digits].flatMap((digit, index) => {
    const [low, high] = [index === 0 ? 1 : 0, Number(digit) - 1];
    const rest = digits.length - index - 1;
    return high < low ? [] : [`${digits.slice(0, index)}[${low}-${high}]${rest === 0 ? "" : `[0-9]{${rest}}`}`];
  });
  return [...shorter, ...smaller, digits].join("|");
}
