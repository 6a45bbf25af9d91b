import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CHECK_NAMES, describeCheck, runChecks } from "./checks.ts";
import { goTally } from "./go.ts";
import { type Ended, humanMs, ROOT, run } from "./run.ts";
import { couldNotRun, type Tally, tail } from "./tally.ts";
import { vitestTally } from "./vitest.ts";

/** A part of `npm test` that runs on its own; suites run one after the other. */
export interface Suite {
  readonly name: string;
  readonly run: () => Promise<Tally>;
}

const MINUTE = 60_000;

/** The quick ones first: what is broken is known early. */
export const SUITES: readonly Suite[] = [
  { name: "check", run: checks },
  vitest({
    name: "unit",
    projects: ["unit", "alone", "processes", "property"],
    reporter: "default",
    limitMs: 30 * MINUTE,
  }),
  { name: "go", run: () => goTests("e2e/apps/go") },
  vitest({ name: "apiserver", projects: ["apiserver"], reporter: "verbose", limitMs: 45 * MINUTE }),
  vitest({ name: "cluster", projects: ["cluster"], reporter: "verbose", limitMs: 120 * MINUTE }),
];

async function checks(): Promise<Tally> {
  const results = await runChecks((checked) => prefixed("check")(describeCheck(checked)));
  const failures = results
    .filter(({ ok }) => !ok)
    .map(({ name, output }) => ({ test: `check: ${name}`, message: tail(output, 40) }));
  return { passed: CHECK_NAMES.length - failures.length, failures, skipped: 0 };
}

interface VitestSuite {
  readonly name: string;
  readonly projects: readonly string[];
  /** "default" says a line for each file as it ends, "verbose" one for each test. */
  readonly reporter: "default" | "verbose";
  readonly limitMs: number;
}

function vitest({ name, projects, reporter, limitMs }: VitestSuite): Suite {
  return {
    name,
    run: async () => {
      const folder = await mkdtemp(join(tmpdir(), "fairlead-test-"));
      try {
        const file = join(folder, "report.json");
        const ended = await run({
          program: process.execPath,
          args: [
            "node_modules/vitest/vitest.mjs",
            "run",
            ...projects.flatMap((project) => ["--project", project]),
            `--reporter=${reporter}`,
            "--reporter=json",
            `--outputFile.json=${file}`,
          ],
          env: { NO_COLOR: "1" },
          onLine: prefixed(name),
          limitMs,
        });
        return vitestTally(name, ended, await readFile(file, "utf8").catch(() => undefined));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function goTests(directory: string): Promise<Tally> {
  const say = prefixed("go");
  const args = ["test", "-json", "./..."];
  const ended: Ended = await run({ program: "go", args, cwd: join(ROOT, directory), limitMs: 15 * MINUTE });
  if (ended.kind === "NotStarted") {
    return couldNotRun("go", "there is no Go on the PATH: install Go 1.26 or newer, https://go.dev/dl/");
  }
  const tally = goTally(ended);
  say(`${directory}: ${tally.passed} passed, ${tally.failures.length} failed in ${humanMs(ended.ms)}`);
  return tally;
}

function prefixed(name: string): (text: string) => void {
  return (text) => console.log(text.replaceAll(/^/gm, `[${name}] `));
}
