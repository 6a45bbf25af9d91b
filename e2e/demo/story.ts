import type { Shop } from "../harness/shop.ts";
import type { RolloutChoice } from "../harness/shopFiles.ts";
import type { Sample } from "./sample.ts";
import type { Screen } from "./screen.ts";
import type { Watcher } from "./watcher.ts";

/** The weights that v2 passes, in percent; v3 gets no further than the first. */
export const WEIGHTS = [25, 50] as const;
const V3_ERRORS = 0.05;
/** The load waits so long for an answer, and a little. */
const REQUEST_LIMIT_MS = 5_200;
/** How the shop is rolled out in the demo. */
export const ROLLOUT: RolloutChoice = {
  canary: WEIGHTS.map((weight) => ({ weight, hold: "5s" })),
  successRate: 99,
  settleSeconds: 2,
  scaleDownDelaySeconds: 300,
};

/** A push, and when it was begun by the clock of the samples. */
export interface Push {
  readonly sha: string;
  readonly at: number;
}

/** The pushes of the story, as far as it came. */
export interface Pushes {
  v2?: Push;
  revertOfV2?: Push;
  v3?: Push;
  revertOfV3?: Push;
}

/** What the story is told with. */
export interface Telling {
  readonly shop: Shop;
  readonly watcher: Watcher;
  readonly screen: Screen;
  readonly rate: number;
  readonly pushes: Pushes;
  readonly signal: AbortSignal;
}

/** Does to Git what people do, and waits each time for what should come of it. */
export async function tell(telling: Telling): Promise<void> {
  await beginWithV1(telling);
  const v2 = await release(telling);
  const v3 = await releaseBroken(telling);
  await revertBroken(telling, v3);
  await rollBack(telling, v2);
  await untilAllEnded(telling);
}

async function beginWithV1({ shop, watcher, screen, rate, signal }: Telling): Promise<void> {
  screen.chapter("v1 is in Git: a Deployment, a Service and a ProgressiveRollout; a GitSync applies them");
  await watcher.until("v1 at rest", ({ ready, status }) => ready && stage(status) === "Resting", 90_000, signal);
  screen.progress(`a pod begins to send ${rate} requests a second`);
  const load = await shop.load(rate);
  await load.reset();
  watcher.load = load;
  await watcher.until("answers of v1", ({ answers }) => (answers["v1"] ?? 0) > 0, 30_000, signal);
}

async function release(telling: Telling): Promise<Push> {
  const { shop, watcher, screen, signal } = telling;
  screen.chapter(`v2 is pushed: a canary, ${WEIGHTS.join(" %, then ")} %, each judged by Prometheus`);
  const push = await timed(() => shop.push({ version: "v2", message: "Release v2" }));
  telling.pushes.v2 = push;
  await watcher.until("v2 promoted", (sample) => ended(sample, "Promoted", "v2") && sample.ready, 120_000, signal);
  screen.progress("v2 is stable; the pods that were judged serve on, and those of v1 stay warm");
  return push;
}

async function rollBack(telling: Telling, v2: Push): Promise<void> {
  const { shop, watcher, screen, signal } = telling;
  screen.chapter("v2 is reverted in Git, long after its promotion: the rollback");
  const push = await timed(() => shop.revert(v2.sha));
  telling.pushes.revertOfV2 = push;
  await watcher.until("answers of v1 alone", (sample) => onlyFrom(sample, "v1"), 60_000, signal);
  const atRest = (sample: Sample) =>
    ended(sample, "RolledBack", "v1") && sample.ready && sample.status.rollout?.selection.kind === "Git";
  await watcher.until("rest at v1, and nothing of v2 left", atRest, 90_000, signal);
  screen.progress("v1 is back, by its own pods, which had stayed warm, and without analysis");
}

async function releaseBroken(telling: Telling): Promise<Push> {
  const { shop, watcher, screen, signal } = telling;
  screen.chapter(`v3 is pushed: ${V3_ERRORS * 100} % of its answers are errors`);
  const push = await timed(() => shop.push({ version: "v3", failureRate: V3_ERRORS, message: "Release v3" }));
  telling.pushes.v3 = push;
  const rejected = (sample: Sample) => sample.reason === "Rejected" && stage(sample.status) === "Resting";
  await watcher.until("v3 rejected", rejected, 120_000, signal);
  await watcher.until("answers of v2 alone", (sample) => onlyFrom(sample, "v2"), 30_000, signal);
  screen.progress("v3 is refused: all answers are v2's, and the resource says what ends this");
  return push;
}

async function revertBroken(telling: Telling, v3: Push): Promise<void> {
  const { shop, watcher, screen, signal } = telling;
  screen.chapter("v3 is reverted in Git");
  const push = await timed(() => shop.revert(v3.sha));
  telling.pushes.revertOfV3 = push;
  const again = ({ applied, ready }: Sample) => applied === push.sha && ready;
  await watcher.until("Ready again", again, 90_000, signal);
  screen.progress("all is as Git says, and the pods of v1 are still warm");
}

/** A request that waits is lost or answered after the load's own time limit: until then nobody can say that none was lost. */
async function untilAllEnded({ watcher, signal }: Telling): Promise<void> {
  const end = performance.now() + REQUEST_LIMIT_MS;
  await watcher.until("the last requests to end", ({ at }) => at > end, 30_000, signal);
}

/** Whether the rollout that ended last ended like this. */
export function ended({ status, versionOf }: Sample, outcome: string, version: string): boolean {
  const [last] = status.history ?? [];
  return last?.outcome === outcome && versionOf.get(last.revision) === version;
}

/** Whether all answers since the look before were of one version. */
export function onlyFrom({ answers }: Sample, version: string): boolean {
  return Object.keys(answers).join() === version;
}

function stage(status: Sample["status"]): string | undefined {
  return status.rollout?.stage;
}

async function timed(push: () => Promise<string>): Promise<Push> {
  const at = performance.now();
  return { sha: await push(), at };
}
