// npm run bench:rollouts: what a thousand rollouts at rest cost, and a hundred at once. `-- 200 20` takes fewer.
import process from "node:process";
import { openPlaneScene } from "../e2e/harness/planeScene.ts";
import { measureFleet } from "./rollouts/measure.ts";
import { type Bar, isMet, table } from "./sync/bars.ts";

const MiB = 1024 * 1024;
const REST_MS = 60_000;
const [idle = 1_000, active = 100] = process.argv.slice(2).map(Number);

await using scene = await openPlaneScene({ proxy: true, log: (line) => console.error(line) });
const cost = await measureFleet(scene, { idle, active, restMs: REST_MS });
const reactions = [...cost.reactionsMs].sort((a, b) => a - b);
const slowest = reactions[Math.ceil(reactions.length * 0.99) - 1] ?? Number.NaN;
console.log(
  `${idle} rollouts without pods, each a Deployment, a Service and a revision; ${active} of them released at once`,
);

const bars: readonly Bar[] = [
  { what: "a new operator, until it has looked at all", measured: cost.startMs / 1_000, unit: "s" },
  { what: `calls in ${REST_MS / 1_000} s of rest`, measured: cost.callsAtRest, unit: "calls", bar: { most: 0 } },
  { what: "memory at rest, at most", measured: cost.restingBytes / MiB, unit: "MiB", bar: { most: 512 } },
  { what: "memory while they are released, at most", measured: cost.peakBytes / MiB, unit: "MiB", bar: { most: 512 } },
  { what: "from a change to the first write about it, p99", measured: slowest, unit: "ms", bar: { most: 1_000 } },
  { what: "until all of them are promoted and at rest", measured: cost.promotedMs / 1_000, unit: "s" },
  { what: "writes for each", measured: cost.writesEach, unit: "writes" },
];
for (const line of table(bars)) console.log(line);
process.exitCode = bars.every(isMet) ? 0 : 1;
