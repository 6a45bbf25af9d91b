import type { Ended } from "./run.ts";
import { couldNotRun, type Tally, tail, withEnd } from "./tally.ts";

/** What is read of a line of `go test -json`. */
interface Line {
  readonly Action?: string;
  readonly Package?: string;
  readonly Test?: string;
  readonly Output?: string;
}

/** Reads `go test -json`. A test with subtests is counted by them; a package that does not build is one failure. */
export function goTally(ended: Ended): Tally {
  const outcomes = new Map<string, string>();
  const said = new Map<string, string>();
  const plain: string[] = [];
  for (const text of ended.output.split("\n")) {
    if (!text.startsWith("{")) {
      plain.push(text);
      continue;
    }
    const { Action = "", Package = "", Test, Output = "" } = JSON.parse(text) as Line;
    const name = Test === undefined ? Package : `${Package} ${Test}`;
    if (Action === "build-output") plain.push(Output.trimEnd());
    else if (Action === "output") said.set(name, (said.get(name) ?? "") + Output);
    else if (["pass", "fail", "skip"].includes(Action) && (Test !== undefined || Action === "fail")) {
      outcomes.set(name, Action);
    }
  }
  const names = [...outcomes.keys()];
  const leaves = names.filter((name) => !names.some((other) => other.startsWith(`${name}/`) || isTestOf(other, name)));
  const of = (action: string) => leaves.filter((name) => outcomes.get(name) === action);
  const failures = of("fail").map((name) => ({
    test: `go: ${name}`,
    message: tail([...plain.filter((line) => line !== ""), said.get(name) ?? ""].join("\n"), 40),
  }));
  const tally = { passed: of("pass").length, failures, skipped: of("skip").length };
  return leaves.length === 0
    ? couldNotRun("go", `go test ran nothing (exit code ${ended.code}):\n${tail(ended.output, 30)}`)
    : withEnd("go", tally, ended);
}

/** A failed package is explained by its failed tests, where it has some. */
function isTestOf(test: string, name: string): boolean {
  return test.startsWith(`${name} `);
}
