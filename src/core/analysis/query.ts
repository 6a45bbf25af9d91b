import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";

/** Counters of HTTP requests under the names that the common client libraries and exporters use. */
export const REQUEST_COUNTERS = [
  "http_requests_total",
  "http_server_requests_seconds_count",
  "http_request_duration_seconds_count",
];
/** Labels under which they carry the status code; an absent label is the empty string and matches none of 5xx. */
export const SERVED_WELL = 'code!~"5..",status!~"5..",status_code!~"5.."';

/** The pods of one track. */
export interface Track {
  readonly namespace: string;
  /** Name of the revision's Deployment; its pods are `<name>-<replicaset>-<suffix>`. */
  readonly deployment: string;
}

/** Label matchers for the pods of a track, without braces: `namespace="shop",pod=~"web-x-[a-z0-9]+-[a-z0-9]+"`. */
export function matchers({ namespace, deployment }: Track): string {
  const pods = `${literal(deployment)}-[a-z0-9]+-[a-z0-9]+`;
  return `namespace="${quoted(namespace)}",pod=~"${quoted(pods)}"`;
}

/** A text as RE2 matches it literally. */
function literal(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

/** A text inside the double quotes of a PromQL string. Names come from other people's objects: none may end it. */
function quoted(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

/** The PromQL of a metric for a candidate and its stable. */
export function queryOf(metric: Metric, candidate: Track, stable: Track): string {
  const window = promDuration(metric.window);
  if (metric.query === undefined) return successRate(matchers(candidate), window, metric.minRequests);
  const words: Readonly<Record<string, string>> = {
    candidate: matchers(candidate),
    stable: matchers(stable),
    window,
  };
  // In one go: what a placeholder stands for is not looked into for others.
  return metric.query.replaceAll(/\{\{\s*(candidate|stable|window)\s*\}\}/g, (_, word: string) => words[word] ?? "");
}

/**
 * Percentage of requests answered below 500: the first counter that has data decides. No request gives NaN, and fewer than
 * the least number no result at all: both are no data.
 */
function successRate(pods: string, window: string, least: number | undefined): string {
  const rates = REQUEST_COUNTERS.map((name) => {
    const all = `${name}{${pods}}[${window}]`;
    const rate = `(100 * sum(rate(${name}{${pods},${SERVED_WELL}}[${window}])) / sum(rate(${all})))`;
    return least === undefined ? rate : `(${rate} and sum(increase(${all})) >= ${least})`;
  });
  return rates.join(" or ");
}

/** Prometheus wants one unit, or several in order; milliseconds always do. */
function promDuration(text: string): string {
  return `${durationMs(text)}ms`;
}
