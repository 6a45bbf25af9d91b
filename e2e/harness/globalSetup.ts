import process from "node:process";
import { openCluster } from "../cluster/index.ts";
import { shareCluster } from "./sharedCluster.ts";

let undo: AsyncDisposableStack | undefined;

/** Opens one cluster for all suites of a vitest run. */
export async function setup(): Promise<void> {
  await using made = new AsyncDisposableStack();
  const cluster = made.use(await openCluster({ log: (line) => void process.stderr.write(`${line}\n`) }));
  made.use(await shareCluster(cluster));
  undo = made.move();
}

/** Takes it down. */
export async function teardown(): Promise<void> {
  await undo?.disposeAsync();
}
