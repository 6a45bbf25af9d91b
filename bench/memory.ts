// npm run bench:memory: what a large repository with a small path costs the operator. `-- 100` makes one of 100 MB.
import process from "node:process";
import { toYaml } from "../e2e/apps/shop.ts";
import { configMap } from "../e2e/harness/manifests.ts";
import { openPlaneScene } from "../e2e/harness/planeScene.ts";
import { grow } from "./memory/grow.ts";
import { MemoryPeaks } from "./memory/peaks.ts";
import { type Bar, isMet, table } from "./sync/bars.ts";

const MiB = 1024 * 1024;
const [megabytes = 500] = process.argv.slice(2).map(Number);
const files = (value: string) => ({ "app.yaml": toYaml([configMap("app", { value })]) });

await using scene = await openPlaneScene({ log: (line) => console.error(line) });
const spec = { interval: "1s", timeout: "10m" };
const project = await scene.project({ files: files("first"), spec: { ...spec, suspend: true } });
const directory = await scene.git.createRepo(project.repo);
await grow(directory, megabytes);
await project.copy.git("fetch", "--quiet", "origin", "refs/heads/main");
const sha = await project.copy.git("rev-parse", "FETCH_HEAD");
console.log(`a repository of ${megabytes} MB of random blobs; the path of the sync holds one ConfigMap`);

const peaks = new MemoryPeaks(scene.operator);
const started = performance.now();
await project.change({ suspend: false });
await project.untilApplied(sha, { timeoutMs: 600_000 });
const firstMs = performance.now() - started;
const first = await peaks.end();

const again = new MemoryPeaks(scene.operator);
await project.copy.git("reset", "--quiet", "--hard", sha);
const next = await project.push("Change", files("second"));
const pushed = performance.now();
await project.untilApplied(next, { timeoutMs: 60_000 });
const changeMs = performance.now() - pushed;
const change = await again.end();

const bars: readonly Bar[] = [
  { what: "operator, peak during the first fetch", measured: first.operator / MiB, unit: "MiB", bar: { most: 256 } },
  { what: "  the git processes beside it, together", measured: first.git / MiB, unit: "MiB" },
  { what: "  until it is applied", measured: firstMs / 1000, unit: "s" },
  { what: "operator, peak during one change", measured: change.operator / MiB, unit: "MiB", bar: { most: 256 } },
  { what: "  the git processes beside it, together", measured: change.git / MiB, unit: "MiB" },
  { what: "  until it is applied", measured: changeMs / 1000, unit: "s", bar: { most: 5 } },
];
for (const line of table(bars)) console.log(line);
process.exitCode = bars.every(isMet) ? 0 : 1;
