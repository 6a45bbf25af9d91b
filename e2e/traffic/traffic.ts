// npm run test:traffic: the requests that Fairlead loses, which should be none, and how long its ways back take.
import process from "node:process";
import { ScriptedPrometheus } from "../apps/scriptedPrometheus.ts";
import { openCluster } from "../cluster/index.ts";
import { stopOnSignals } from "../demo/stage.ts";
import { openScene } from "../harness/scene.ts";
import { Traefik } from "../harness/traefik.ts";
import { type Ground, Life } from "./life.ts";
import { HELP, parseOptions, type TrafficOptions } from "./options.ts";
import { Restarts } from "./restarts.ts";
import { faultsOf, type Row } from "./rows.ts";
import { type Setting, titleOf, wavesOf } from "./settings.ts";
import { STORIES } from "./stories.ts";
import { backTable, comparisonTable, trafficTable } from "./tables.ts";

const INTERRUPTED = 130;
const log = (line: string): void => void process.stderr.write(`${line}\n`);

/** Lives everything that was asked for, and gives what went wrong beside the rows. */
async function live(
  options: TrafficOptions,
  onRow: (row: Row) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await using undo = new AsyncDisposableStack();
  const cluster = undo.use(await openCluster({ log, signal }));
  const scene = undo.use(await openScene({ apps: true, operator: "process", proxy: true, cluster, log }));
  const prometheus = undo.use(await ScriptedPrometheus.start(cluster.hostAddress));
  const routed = options.settings.some(({ way }) => way === "Gateway");
  const traefik = routed ? undo.use(await Traefik.open(scene, log)) : undefined;
  const ground: Ground = { scene, traefik, prometheus, restarts: new Restarts(scene), rate: options.rate, onRow };
  const troubles: string[] = [];
  const called = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  for (let run = 1; run <= options.runs; run += 1) {
    for (const wave of wavesOf(options.settings, options.beside)) {
      if (signal.aborted) return troubles;
      log(`run ${run} of ${options.runs}: ${wave.map(titleOf).join(" | ")}`);
      const all = Promise.all(wave.map((setting) => liveOnce(ground, setting, troubles)));
      await Promise.race([all, called]);
      scene.proxy.forget();
    }
  }
  return troubles;
}

async function liveOnce(ground: Ground, setting: Setting, troubles: string[]): Promise<void> {
  try {
    const life = await Life.begin(ground, setting);
    try {
      await STORIES[setting.strategy](life, ground.scene.kube);
    } finally {
      await life.end();
    }
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
    log(`FAILED ${troubles.at(-1)}`);
  }
}

function tell(row: Row): void {
  const { setting, what, sent, failed, seconds, back } = row;
  const way = back === undefined ? "" : `, back in ${back.seconds.toFixed(1)} s by ${back.writes} writes`;
  const told = `${what}: ${seconds.toFixed(1)} s, ${sent} requests, ${failed} failed${way}`;
  for (const line of [told, ...faultsOf(row).map((fault) => `MISSED ${fault}`)]) log(`${titleOf(setting)}: ${line}`);
}

async function main(args: readonly string[]): Promise<number> {
  let options: TrafficOptions;
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
  const signal = stopOnSignals(() => log("Ctrl-C: everything is taken down; once more leaves at once"));
  const rows: Row[] = [];
  const onRow = (row: Row) => {
    if (signal.aborted) return;
    rows.push(row);
    tell(row);
  };
  const troubles = await live(options, onRow, signal).catch((error: unknown) => [String(error)]);
  const faults = [
    ...rows.flatMap((row) => faultsOf(row).map((fault) => `${titleOf(row.setting)}: ${fault}`)),
    ...troubles,
  ];
  const lines = [...trafficTable(rows), ...backTable(rows), ...comparisonTable(rows)];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (signal.aborted) return INTERRUPTED;
  for (const fault of faults) process.stdout.write(`MISSED ${fault}\n`);
  process.stdout.write(`traffic: ${rows.length} rows, ${faults.length} faults\n`);
  return faults.length === 0 && rows.length > 0 ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
