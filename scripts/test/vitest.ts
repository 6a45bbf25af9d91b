import type { Ended } from "./run.ts";
import { couldNotRun, type Failure, type Tally, tail, withEnd } from "./tally.ts";

/** What is read of vitest's JSON report. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** Reads the report of a run of vitest; a file that failed outside its tests counts as one failure. */
export function vitestTally(suite: string, ended: Ended, text: string | undefined): Tally {
  if (ended.kind === "NotStarted") return couldNotRun(suite, `${ended.output}; run: npm run setup`);
  if (text === undefined) {
    return couldNotRun(suite, `vitest left no report (exit code ${ended.code}):\n${tail(ended.output, 30)}`);
  }
  const { testResults } = JSON.parse(text) as Report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failures = testResults.flatMap(({ name, status, message, assertionResults }): readonly Failure[] => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0 && status === "failed") return [{ test: `${suite}: ${name}`, message: message ?? "" }];
    return failed.map(({ fullName, failureMessages }) => ({
      test: `${suite}: ${fullName}`,
      message: (failureMessages ?? []).join("\n"),
    }));
  });
  const passed = tests.filter(({ status }) => status === "passed").length;
  const tally = { passed, failures, skipped: tests.length - passed - tests.filter(isFailed).length };
  return passed === 0 && failures.length === 0
    ? couldNotRun(suite, "there is no test in it")
    : withEnd(suite, tally, ended);
}

function isFailed({ status }: { readonly status: string }): boolean {
  return status === "failed";
}
