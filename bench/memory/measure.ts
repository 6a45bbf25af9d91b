import { toYaml } from "../../e2e/apps/shop.ts";
import { configMap } from "../../e2e/harness/manifests.ts";
import type { PlaneScene } from "../../e2e/harness/planeScene.ts";
import { grow } from "./grow.ts";
import { MemoryPeaks } from "./peaks.ts";

/** Peaks in bytes, and how long the work took in milliseconds. */
export interface Cost {
  readonly operator: number;
  readonly git: number;
  readonly ms: number;
}

const files = (value: string) => ({ "app.yaml": toYaml([configMap("app", { value })]) });

/** What a large repository costs the operator of a scene whose sync has a small path: the first fetch, and one change. */
export async function measureMemory(
  scene: PlaneScene,
  megabytes: number,
): Promise<{ readonly first: Cost; readonly change: Cost }> {
  const spec = { interval: "1s", timeout: "10m", suspend: true };
  const project = await scene.project({ files: files("first"), spec });
  await grow(await scene.git.createRepo(project.repo), megabytes);
  await project.copy.git("fetch", "--quiet", "origin", "refs/heads/main");
  const sha = await project.copy.git("rev-parse", "FETCH_HEAD");

  const first = await during(scene, async () => {
    await project.change({ suspend: false });
    await project.untilApplied(sha, { timeoutMs: 600_000 });
  });
  await project.copy.git("reset", "--quiet", "--hard", sha);
  const next = await project.push("Change", files("second"));
  const change = await during(scene, async () => void (await project.untilApplied(next, { timeoutMs: 60_000 })));
  return { first, change };
}

async function during(scene: PlaneScene, work: () => Promise<void>): Promise<Cost> {
  const peaks = new MemoryPeaks(scene.operator);
  const started = performance.now();
  await work();
  const ms = performance.now() - started;
  return { ...(await peaks.end()), ms };
}
