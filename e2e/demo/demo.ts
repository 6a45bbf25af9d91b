// npm run demo: Fairlead's main job on a real cluster, told step by step. The exit code is 0 when all of it happened.
import { once } from "node:events";
import process from "node:process";
import { binary } from "../cluster/index.ts";
import type { Shop } from "../harness/shop.ts";
import { checksOf, nothingLeft } from "./checks.ts";
import { differencesFromGit, type Facts, residentMemory } from "./facts.ts";
import { hints } from "./keep.ts";
import { type DemoOptions, HELP, parseOptions } from "./options.ts";
import { Screen } from "./screen.ts";
import { type Stage, setStage, stopOnSignals } from "./stage.ts";
import { type Pushes, ROLLOUT, tell } from "./story.ts";
import { report, table } from "./table.ts";
import { Watcher } from "./watcher.ts";

const INTERRUPTED = 130;

async function play(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<number> {
  screen.chapter("The stage: a cluster, the operator by its chart, a Git server, Prometheus");
  await using stage = await setStage((line) => screen.progress(line), signal);
  const shop = await stage.scene.shop({ version: "v1", replicas: 3, rollout: ROLLOUT, interval: "1m", webhook: true });
  const facts = await watch(stage, shop, options, screen, signal);
  screen.chapter("What it took");
  for (const line of table(facts)) screen.say(line);
  const checks = checksOf(facts);
  if (options.keep && !signal.aborted) await keep(stage, shop, screen, signal);
  else signal.throwIfAborted();
  screen.chapter("Everything is taken down");
  const all = [...checks, nothingLeft(await stage.takeDown())];
  screen.say("");
  for (const line of report(all)) screen.say(line);
  return all.every(({ ok }) => ok) ? 0 : 1;
}

/** Tells the story; one that stops half-way has its facts too, and the checks say what is missing. */
async function watch(
  stage: Stage,
  shop: Shop,
  { rate }: DemoOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<Facts> {
  const { kube, operator } = stage.scene;
  const pushes: Pushes = {};
  await using watcher = new Watcher(kube, shop, (sample) => screen.show(sample));
  try {
    await tell({ shop, watcher, screen, rate, pushes, signal });
  } catch (error) {
    signal.throwIfAborted();
    screen.freeze();
    screen.say(`\nThe story stopped here: ${error instanceof Error ? error.message : String(error)}`);
    screen.say((await operator.logs().catch(String)).slice(-3_000));
  }
  screen.freeze();
  const load = await watcher.load?.stats();
  const memory = residentMemory(await operator.metrics());
  const differences = pushes.revertOfV3 === undefined ? undefined : await differencesFromGit(kube, shop);
  const { clusterMs, sceneMs } = stage;
  return { samples: watcher.samples, pushes, rate, clusterMs, sceneMs, load, memory, differences };
}

async function keep(stage: Stage, shop: Shop, screen: Screen, signal: AbortSignal): Promise<void> {
  const prometheus = await stage.scene.monitoring.onNode();
  screen.say("");
  for (const line of hints(stage, shop, await binary("kubectl"), prometheus)) screen.say(line);
  // A signal that is waited for keeps no process alive.
  const awake = setInterval(() => {}, 1 << 30);
  if (!signal.aborted) await once(signal, "abort");
  clearInterval(awake);
}

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const screen = new Screen(process.stdout, process.env);
  const signal = stopOnSignals(() => screen.say("\nCtrl-C: everything is taken down; once more leaves at once"));
  try {
    return await play(options, screen, signal);
  } catch (error) {
    if (signal.aborted) {
      screen.say("interrupted; everything is taken down");
      return INTERRUPTED;
    }
    screen.freeze();
    screen.say(`demo: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
