import { describe, expect, it } from "vitest";
import { goTally } from "./go.ts";
import { type Ended, run } from "./run.ts";
import { total } from "./tally.ts";
import { vitestTally } from "./vitest.ts";

const exited = (code: number, output = ""): Ended => ({ kind: "Exited", code, output, ms: 1 });

const report = (...files: readonly object[]) => JSON.stringify({ testResults: files });
const passing = { name: "a.ts", status: "passed", assertionResults: [{ fullName: "works", status: "passed" }] };

describe("vitestTally", () => {
  it("counts tests and keeps what failed ones said", () => {
    const failed = { fullName: "breaks", status: "failed", failureMessages: ["expected 1"] };
    const skipped = { fullName: "later", status: "pending" };
    const file = { name: "b.ts", status: "failed", assertionResults: [failed, skipped] };
    expect(vitestTally("unit", exited(1), report(passing, file))).toEqual({
      passed: 1,
      failures: [{ test: "unit: breaks", message: "expected 1" }],
      skipped: 1,
    });
  });

  it("counts a file that failed outside its tests", () => {
    const file = { name: "b.ts", status: "failed", message: "beforeAll: no cluster", assertionResults: [] };
    expect(vitestTally("cluster", exited(1), report(passing, file)).failures).toEqual([
      { test: "cluster: b.ts", message: "beforeAll: no cluster" },
    ]);
  });

  it.each([
    ["there is no report", exited(1), undefined],
    ["there is no test", exited(0), report()],
    ["vitest itself is missing", { kind: "NotStarted", code: 127, output: "ENOENT", ms: 1 } as const, undefined],
    ["an error came from outside the tests", exited(1), report(passing)],
    ["it took too long", { kind: "TimedOut", code: 128, output: "", ms: 1 } as const, report(passing)],
  ])("fails when %s", (_why, ended, text) => {
    expect(vitestTally("unit", ended, text).failures).toHaveLength(1);
  });
});

describe("goTally", () => {
  const lines = (...events: readonly object[]) => events.map((event) => JSON.stringify(event)).join("\n");

  it("counts a test by its subtests, and a failed package by its tests", () => {
    const output = lines(
      { Action: "pass", Package: "p", Test: "TestA/one" },
      { Action: "output", Package: "p", Test: "TestA/two", Output: "want 2\n" },
      { Action: "fail", Package: "p", Test: "TestA/two" },
      { Action: "fail", Package: "p", Test: "TestA" },
      { Action: "skip", Package: "p", Test: "TestB" },
      { Action: "fail", Package: "p" },
      { Action: "pass", Package: "q" },
    );
    expect(goTally(exited(1, output))).toEqual({
      passed: 1,
      failures: [{ test: "go: p TestA/two", message: "want 2" }],
      skipped: 1,
    });
  });

  it("counts a package that does not build", () => {
    const output = lines({ Action: "build-output", Output: "undefined: x\n" }, { Action: "fail", Package: "p" });
    expect(goTally(exited(1, output)).failures).toEqual([{ test: "go: p", message: "undefined: x" }]);
  });

  it("fails when nothing ran", () => {
    expect(goTally(exited(1, "go: no module")).failures).toHaveLength(1);
  });
});

describe("total", () => {
  it("adds up", () => {
    const one = { passed: 1, failures: [{ test: "a", message: "" }], skipped: 2 };
    expect(total([one, one])).toMatchObject({ passed: 2, skipped: 4, failures: [{ test: "a" }, { test: "a" }] });
  });
});

describe("run", () => {
  const node = (script: string, limitMs = 60_000) => ({ program: process.execPath, args: ["-e", script], limitMs });

  it("hands over each line as it comes, the last without its end too", async () => {
    const seen: string[] = [];
    const command = { ...node("process.stdout.write('a\\nb\\nc')"), onLine: (line: string) => seen.push(line) };
    expect(await run(command)).toMatchObject({ kind: "Exited", code: 0, output: "a\nb\nc" });
    expect(seen).toEqual(["a", "b", "c"]);
  });

  it("says when there is no such program", async () => {
    expect(await run({ program: "no-such-program", args: [], limitMs: 1000 })).toMatchObject({ kind: "NotStarted" });
  });

  it("ends a command that takes too long, with what it started", async () => {
    const script = "require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' }); setInterval(() => {}, 1000)";
    expect(await run(node(script, 300))).toMatchObject({ kind: "TimedOut" });
  });
});
