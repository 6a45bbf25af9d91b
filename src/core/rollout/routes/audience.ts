import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";

/** A header by which a route tells requests apart, as Gateway API has it. */
export interface HeaderMatch {
  readonly name: string;
  readonly type: "Exact" | "RegularExpression";
  readonly value: string;
}

/** The headers by which the chosen audience is known; none without an audience. */
export function audienceOf({ strategy }: Pick<RolloutSpec, "strategy">): readonly HeaderMatch[] {
  const { canary, blueGreen } = strategy;
  return (canary?.audience ?? blueGreen?.audience ?? []).flatMap(({ header, cookie }): readonly HeaderMatch[] => {
    if (header !== undefined) return [header];
    return cookie === undefined ? [] : [cookieMatch(cookie.name, escaped(cookie.value))];
  });
}

/** A match of requests with a cookie whose value has a pattern. Some gateways look for a pattern, others hold it against all of the header. */
export function cookieMatch(name: string, value: string): HeaderMatch {
  return { name: "Cookie", type: "RegularExpression", value: `^(.*; *)?${escaped(name)}=${value}(;.*)?$` };
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
