import { type Ended, humanMs } from "./run.ts";

/** One failed test with what it said. */
export interface Failure {
  readonly test: string;
  readonly message: string;
}

/** What a suite came to. */
export interface Tally {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skipped: number;
}

/** The tally of a suite that did not run: one failure, so that it is never taken for a pass. */
export function couldNotRun(suite: string, message: string): Tally {
  return { passed: 0, failures: [{ test: `${suite}: could not run`, message }], skipped: 0 };
}

/** A suite that ended in disorder although its tests did not fail is a failure of its own. */
export function withEnd(suite: string, tally: Tally, ended: Ended): Tally {
  const because = disorder(ended, tally.failures.length > 0);
  if (because === undefined) return tally;
  return { ...tally, failures: [...tally.failures, { test: `${suite}: ended in disorder`, message: because }] };
}

function disorder({ kind, code, output, ms }: Ended, explained: boolean): string | undefined {
  if (kind === "TimedOut") return `was stopped after ${humanMs(ms)}; its last lines:\n${tail(output, 30)}`;
  if (code === 0 || explained) return undefined;
  return `exit code ${code}, though no test failed; its last lines:\n${tail(output, 30)}`;
}

/** Sums up suites. */
export function total(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failures: tallies.flatMap(({ failures }) => failures),
    skipped: tallies.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

/** The last lines of a text. */
export function tail(text: string, lines: number): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
