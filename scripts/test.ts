// npm test [-- suite…]: every suite, one after the other. The last line is `N passed, N failed`.
import process from "node:process";
import { endChildrenOnSignals, humanMs } from "./test/run.ts";
import { SUITES } from "./test/suites.ts";
import { couldNotRun, type Tally, total } from "./test/tally.ts";

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`no suite ${unknown.join(", ")}; there are: ${SUITES.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const tallies: Tally[] = [];
  for (const { name, run } of SUITES.filter((suite) => wanted.length === 0 || wanted.includes(suite.name))) {
    const started = performance.now();
    console.log(`== ${name}`);
    const tally = await run().catch((error: unknown) => couldNotRun(name, String(error)));
    tallies.push(tally);
    console.log(`== ${name}: ${summary(tally)} in ${humanMs(performance.now() - started)}\n`);
  }
  const all = total(tallies);
  for (const { test, message } of all.failures) {
    console.log(`FAILED ${test}\n${message.trimEnd().replaceAll(/^/gm, "  | ")}\n`);
  }
  if (all.skipped > 0) console.log(`${all.skipped} skipped`);
  console.log(`${all.passed} passed, ${all.failures.length} failed`);
  return all.failures.length > 0 || all.passed === 0 ? 1 : 0;
}

function summary({ passed, failures, skipped }: Tally): string {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

endChildrenOnSignals();
process.exitCode = await main(process.argv.slice(2));
