import type { ServerResponse } from "node:http";
import type { ApiCall } from "./apiCalls.ts";

/** Which calls. */
export type CallFilter = (call: ApiCall) => boolean;

/** What happens to a call instead of, or besides, being passed on. */
export type ApiAction =
  /** Answered by the proxy itself. */
  | { readonly kind: "Deny"; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** Held back for a while, then passed on. */
  | { readonly kind: "Delay"; readonly ms: number }
  /** The connection is cut, and the API server never hears of it. */
  | { readonly kind: "CutBefore" }
  /** The API server did it, and the caller never hears of it. */
  | { readonly kind: "CutAfter" }
  /** Runs before the call is passed on. */
  | { readonly kind: "Before"; readonly run: (call: ApiCall) => void | Promise<void> }
  /** Runs when the API server has answered, before the caller hears of it. */
  | { readonly kind: "After"; readonly run: (call: ApiCall, status: number) => void | Promise<void> };

/** How long a rule stays. */
export interface RuleOptions {
  /** For so many calls; for ever when absent. */
  readonly times?: number;
  /** Lets so many matching calls pass first. */
  readonly skip?: number;
}

/** A rule as it stands: what is left of its counts changes as calls come. */
export interface Rule {
  readonly matches: CallFilter;
  readonly action: ApiAction;
  skip: number;
  times: number;
}

/** Writes that say something: the Lease is renewed by the clock, and Events only tell of the others. */
export const meaningfulWrite: CallFilter = ({ write, resource }) =>
  write && resource !== "leases" && resource !== "events";

/** What happens to a call: the actions of the rules that match it, in their order. Counts the call in each of them. */
export function actionsFor(rules: readonly Rule[], call: ApiCall): readonly ApiAction[] {
  const actions: ApiAction[] = [];
  for (const rule of rules) {
    if (!rule.matches(call)) continue;
    if (rule.skip > 0) rule.skip -= 1;
    else if (rule.times > 0) {
      rule.times -= 1;
      actions.push(rule.action);
    }
  }
  return actions;
}

/** Answers as an API server that refuses. */
export function deny(answer: ServerResponse, action: ApiAction & { readonly kind: "Deny" }): void {
  const { status, reason = "Denied", retryAfterSeconds } = action;
  const retry = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  answer.writeHead(status, { "content-type": "application/json", ...retry });
  const message = "refused by the tests' proxy";
  answer.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code: status, reason, message }));
}
