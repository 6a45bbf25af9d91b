import { Mark } from "../../api/v1alpha1/names.ts";
import { type Because, because } from "./because.ts";

/** How many rollouts of a namespace may be under way at once; what cannot be read lets none start. */
export type Limit = number | "Invalid";

/** A rollout of a namespace, as far as the order in which rollouts start is concerned. */
export interface Contender {
  readonly name: string;
  /** It has a candidate. */
  readonly underWay: boolean;
  /** Since when it waits for its turn, RFC 3339 in UTC. */
  readonly waitingSince?: string;
}

/** Where one rollout stands. */
export interface Turn {
  readonly limit: Limit;
  /** Names of those under way, in the order of the alphabet. */
  readonly underWay: readonly string[];
  /** How many come before it. */
  readonly ahead: number;
  /** The one right before it. */
  readonly behind?: string;
}

/**
 * The places of all that wait: the longest first, by name among those of one moment. A name that waits for nothing yet
 * comes last, under the name `undefined`.
 */
export function turns(contenders: readonly Contender[], limit: Limit): ReadonlyMap<string | undefined, Turn> {
  const underWay = contenders.filter((one) => one.underWay).map(({ name }) => name);
  underWay.sort();
  const queue = contenders
    .filter((one) => !one.underWay && one.waitingSince !== undefined)
    .map(({ name, waitingSince = "" }) => ({ name, at: Date.parse(waitingSince) }))
    .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
  const names: readonly (string | undefined)[] = [...queue, undefined];
  return new Map(
    names.map((name, ahead) => {
      const behind = queue[ahead - 1];
      return [name, { limit, underWay, ahead, ...(behind === undefined ? {} : { behind }) }];
    }),
  );
}

/** How many names a sentence holds. */
const NAMED = 5;

/**
 * What a rollout waits for before it may start; undefined: it is its turn. Those behind another one name just that one:
 * when the first of two hundred starts, only the next one has something new to say.
 */
export function waitsFor({ limit, underWay, ahead, behind }: Turn): Because | undefined {
  const freely = "a revert waits for nothing";
  if (limit === "Invalid") {
    const message = `the namespace's annotation ${Mark.maxRollouts} is no whole number, so nothing starts`;
    return because("AwaitingTurn", message, `correct it; ${freely}`);
  }
  if (underWay.length + ahead < limit) return undefined;
  const most = `at most ${limit} ${limit === 1 ? "rollout" : "rollouts"} of this namespace at once`;
  if (behind !== undefined) {
    return because("AwaitingTurn", `${most}: ${behind} is before this one`, `goes on when its turn comes; ${freely}`);
  }
  if (underWay.length === 0) {
    return because("AwaitingTurn", most, `goes on when ${Mark.maxRollouts} of the namespace is raised; ${freely}`);
  }
  const more = underWay.length > NAMED ? ` and ${underWay.length - NAMED} more` : "";
  const named = `${underWay.slice(0, NAMED).join(", ")}${more}`;
  return because("AwaitingTurn", `${most}: ${named} under way`, `goes on when one of them ends; ${freely}`);
}

/** The limit that a namespace's annotation sets, else the operator's; undefined: as many as there are. */
export function limitOf(annotation: string | undefined, fallback: number | undefined): Limit | undefined {
  if (annotation === undefined) return fallback;
  return /^(0|[1-9][0-9]{0,3})$/.test(annotation) ? Number(annotation) : "Invalid";
}
