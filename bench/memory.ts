// npm run bench:memory: what a large repository with a small path costs the operator. `-- 100` makes one of 100 MB.
import process from "node:process";
import { openPlaneScene } from "../e2e/harness/planeScene.ts";
import { measureMemory } from "./memory/measure.ts";
import { type Bar, isMet, table } from "./sync/bars.ts";

const MiB = 1024 * 1024;
const [megabytes = 500] = process.argv.slice(2).map(Number);

await using scene = await openPlaneScene({ log: (line) => console.error(line) });
const { first, change } = await measureMemory(scene, megabytes);
console.log(`a repository of ${megabytes} MB of random blobs; the path of the sync holds one ConfigMap`);

const bars: readonly Bar[] = [
  { what: "operator, peak during the first fetch", measured: first.operator / MiB, unit: "MiB", bar: { most: 256 } },
  { what: "  the git processes beside it, together", measured: first.git / MiB, unit: "MiB" },
  { what: "  until it is applied", measured: first.ms / 1000, unit: "s" },
  { what: "operator, peak during one change", measured: change.operator / MiB, unit: "MiB", bar: { most: 256 } },
  { what: "  the git processes beside it, together", measured: change.git / MiB, unit: "MiB" },
  { what: "  until it is applied", measured: change.ms / 1000, unit: "s", bar: { most: 5 } },
];
for (const line of table(bars)) console.log(line);
process.exitCode = bars.every(isMet) ? 0 : 1;
