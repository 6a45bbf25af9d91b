import { availableParallelism } from "node:os";
import process from "node:process";
import { violationsIn } from "../imports.ts";
import { humanMs, ROOT, run } from "./run.ts";

/** How one check ended. */
export interface Checked {
  readonly name: string;
  readonly ok: boolean;
  readonly code: number;
  readonly output: string;
  readonly ms: number;
}

interface Check {
  readonly name: string;
  readonly run: () => Promise<Checked>;
}

/** The longest first, so that the short ones fill what remains beside them. */
const CHECKS: readonly Check[] = [
  command("promises", "oxlint", "--type-aware", "--deny-warnings"),
  command("types", "tsc", "--noEmit"),
  command("dead code", "knip", "--no-progress"),
  command("format and lint", "biome", "ci", "--colors=off", "--error-on-warnings", "."),
  command("generated files", process.execPath, "scripts/generate.ts", "--check"),
  { name: "imports", run: imports },
];

/** Names of all checks. */
export const CHECK_NAMES: readonly string[] = CHECKS.map(({ name }) => name);

/** Runs all checks side by side, as many as the machine has cores for, and reports each as it ends. */
export async function runChecks(report: (checked: Checked) => void): Promise<readonly Checked[]> {
  const waiting = CHECKS.values();
  const results: Checked[] = [];
  const worker = async (): Promise<void> => {
    for (const check of waiting) {
      const checked = await check.run();
      results.push(checked);
      report(checked);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return results;
}

/** One line about a check, and the whole output of one that failed. */
export function describeCheck({ name, ok, code, output, ms }: Checked): string {
  const line = `${ok ? "ok    " : "FAILED"} ${name.padEnd(16)} ${humanMs(ms).padStart(8)}${ok ? "" : `  exit code ${code}`}`;
  return ok ? line : `${line}\n${output.trimEnd().replaceAll(/^/gm, "  | ")}`;
}

function command(name: string, program: string, ...args: readonly string[]): Check {
  return {
    name,
    run: async () => {
      const { kind, code, output, ms } = await run({ program, args, limitMs: 300_000, env: { NO_COLOR: "1" } });
      const why =
        kind === "Exited" ? "" : kind === "TimedOut" ? "\ntook longer than 5 minutes" : "\nrun: npm run setup";
      return { name, ok: kind === "Exited" && code === 0, code, output: output + why, ms };
    },
  };
}

function imports(): Promise<Checked> {
  const started = performance.now();
  const found = violationsIn(ROOT);
  const output = found.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n");
  const ms = performance.now() - started;
  return Promise.resolve({ name: "imports", ok: found.length === 0, code: Math.min(found.length, 1), output, ms });
}
