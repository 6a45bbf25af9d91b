import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SEED } from "../../../src/testing/seed.ts";
import { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import { Gateways } from "../../harness/gateway.ts";
import { liveStories } from "../../harness/live/moves.ts";
import { type LiveStage, playLive, told } from "../../harness/live/play.ts";
import { Reaper } from "../../harness/reaper.ts";
import { openScene } from "../../harness/scene.ts";
import { sideBySide } from "../../harness/sideBySide.ts";
import { log } from "../../harness/stories.ts";

const RUNS = Number(process.env["FAIRLEAD_LIVE_RUNS"] ?? 4);
/** Stories that are played at the same time, and the requests a second of each: more than 100 in all. */
const SIDE_BY_SIDE = 6;
const RATE = 20;

let stage: LiveStage;
const undo = new AsyncDisposableStack();

beforeAll(async () => {
  const scene = undo.use(await openScene({ apps: true, operator: "process", proxy: true, log }));
  const gateways = undo.use(await Gateways.open(scene, log));
  const prometheus = undo.use(await ScriptedPrometheus.start(scene.cluster.hostAddress));
  stage = { scene, gateways, prometheus, reaper: new Reaper(scene) };
});
afterAll(() => undo.disposeAsync());

describe("random stories on the real cluster", () => {
  it(`P31: ${RUNS} lives keep every promise as seen from outside (seed ${SEED})`, async () => {
    log(`live stories: ${RUNS} runs, seed ${SEED}; repeat with FAIRLEAD_LIVE_RUNS=${RUNS} FAIRLEAD_SEED=${SEED}`);
    const broken: string[] = [];
    let kept = 0;
    await sideBySide(liveStories(RUNS, SEED).entries(), SIDE_BY_SIDE, async ([index, story]) => {
      const name = `story ${index + 1} of ${RUNS} (seed ${SEED}), ${told(story)}`;
      const violations = await playLive(stage, story, RATE).catch((error: unknown) => [String(error)]);
      if (violations.length > 0) broken.push(`${name}\n  ${violations.slice(0, 3).join("\n  ")}`);
      else kept += 1;
    });
    const kills = await stage.reaper.stop();
    log(`live stories: ${kept} of ${RUNS} kept every promise, with ${kills.length} kills of the operator`);
    expect(broken).toEqual([]);
    expect(kept).toBe(RUNS);
  }, 14_400_000);
});
