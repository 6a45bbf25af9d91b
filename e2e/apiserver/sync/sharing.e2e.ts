import { afterAll, beforeAll, expect, it } from "vitest";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const SYNCS = 20;
const FILES = 2_000;
const PERIOD_MS = 4_000;

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** How often the operator has asked its store, by what for. */
async function asked(verb: string): Promise<number> {
  const found = (await scene.operator.metrics()).matchAll(
    new RegExp(`^fairlead_git_requests_total\\{verb="${verb}",outcome="Done"\\} (\\d+)$`, "gm"),
  );
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

it("E46: twenty syncs on one repository of 2,000 files cost one ls-remote a period, one fetch a push, one render a changed tree", async () => {
  const files: Record<string, string> = {};
  for (let n = 0; n < FILES; n += 1) {
    const app = n % SYNCS;
    const isManifest = n < SYNCS;
    files[`app${app}/${isManifest ? "app.yaml" : `notes/${n}.txt`}`] = isManifest
      ? toYaml([configMap(`app${app}`, { value: "first" })])
      : `${n}\n`;
  }
  const spec = (app: number) => ({ path: `deploy/app${app}`, interval: `${PERIOD_MS}ms` });
  const first = await scene.project({ name: "app0", files, spec: spec(0) });
  const rest = Array.from({ length: SYNCS - 1 }, (_, n) => n + 1).map((app) =>
    scene.project({ name: `app${app}`, namespace: first.namespace, beside: first, spec: spec(app) }),
  );
  const projects: readonly GitProject[] = [first, ...(await Promise.all(rest))];
  const begin = await first.copy.head();
  await Promise.all(projects.map((project) => project.untilApplied(begin)));
  const readsEach = (await asked("read")) / SYNCS;

  const looksFrom = async (from: number, more: number) =>
    until(`${more} more looks`, async (saw) => {
      const now = await asked("resolve");
      saw(`${now - from} so far`);
      return now - from >= more ? true : undefined;
    });
  // Until all of them have come to ask together.
  await looksFrom(await asked("resolve"), SYNCS);
  const [looks, listed, started] = [await asked("resolve"), scene.git.requests(first.repo).listed, performance.now()];
  await looksFrom(looks, 3 * SYNCS);
  const periods = (performance.now() - started) / PERIOD_MS;
  const lists = scene.git.requests(first.repo).listed - listed;
  console.log(`${lists} ls-remotes in ${periods.toFixed(1)} periods for ${(await asked("resolve")) - looks} looks`);
  expect(lists).toBeGreaterThanOrEqual(2);
  expect(lists).toBeLessThanOrEqual(Math.ceil(periods));

  const [fetched, read] = [scene.git.requests(first.repo).fetched, await asked("read")];
  const sha = await first.push("Change one", { "app7/app.yaml": toYaml([configMap("app7", { value: "second" })]) });
  await Promise.all(projects.map((project) => project.untilApplied(sha)));
  expect(scene.git.requests(first.repo).fetched - fetched).toBe(1);
  expect((await asked("read")) - read).toBe(readsEach);
});
