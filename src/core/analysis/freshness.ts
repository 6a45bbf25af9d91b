import type { Missing } from "./judge.ts";

/**
 * An answer of the past is no data, whoever gives it: a cache between, or a Prometheus whose clock stands. What is older than
 * the window within a current answer, Prometheus itself leaves out. `now` is epoch milliseconds.
 */
export function fresh<T extends { readonly kind: string }>(answer: T, windowMs: number, now: number): T | Missing {
  if (!("at" in answer) || typeof answer.at !== "number" || now - answer.at <= windowMs) return answer;
  const age = Math.round((now - answer.at) / 1_000);
  const message = `the answer is ${age} s old, more than the window; compare the clocks, and look for a cache before Prometheus`;
  return { kind: "NoData", message };
}
