import type { Check } from "./checks.ts";
import { type Facts, timings } from "./facts.ts";
import { totals } from "./sample.ts";

/** The table at the end: what it took. */
export function table(facts: Facts): readonly string[] {
  const { load, memory, clusterMs, sceneMs } = facts;
  const t = timings(facts);
  const ofV3 = Object.entries(load?.byVersion["v3"] ?? {})
    .filter(([code]) => !code.startsWith("2"))
    .reduce((sum, [, count]) => sum + count, 0);
  const answers = Object.entries(totals(load)).map(([version, count]) => `${version} ${count}`);
  return aligned([
    ["requests sent", String(load?.sent ?? 0)],
    ["  answered by", answers.sort().join(", ") || "nobody"],
    ["  failed", String(load?.failed ?? 0)],
    ["  failed by v3's own doing", String(ofV3)],
    ["from the push of v2 to its commit seen", seconds(t.v2Seen)],
    ["  applied, its rollout begun", seconds(t.v2Begun)],
    ["  the first answer of v2", seconds(t.v2FirstAnswer)],
    ["  promoted", seconds(t.v2Promoted)],
    ["  all of the commit in place", seconds(t.v2Whole)],
    ["from the push of v3 to its first answer", seconds(t.v3FirstAnswer)],
    ["  rejected", seconds(t.v3Rejected)],
    ["from its revert to Ready", seconds(t.readyAgain)],
    ["from the revert of v2 to the first answer of v1", seconds(t.v1FirstAnswer)],
    ["  all answers of v1", seconds(t.v1Alone)],
    ["memory of the leading operator at rest", memory === undefined ? "-" : `${(memory / 1024 / 1024).toFixed(0)} MiB`],
    ["time to start the cluster", seconds(clusterMs)],
    ["time to install the operator, Git and Prometheus", seconds(sceneMs)],
  ]);
}

/** The checks as lines, and the last line of the demo. */
export function report(checks: readonly Check[]): readonly string[] {
  const passed = checks.filter(({ ok }) => ok).length;
  return [
    ...checks.map(({ what, ok, found }) => `${ok ? "ok    " : "FAILED"} ${what} (${found})`),
    `demo: ${passed} of ${checks.length} checks passed`,
  ];
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? "-" : `${(ms / 1_000).toFixed(1)} s`;
}

function aligned(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
