import { describe, expect, it } from "vitest";
import { checksOf, nothingLeft } from "./checks.ts";
import { differences, type Facts, residentMemory, timings } from "./facts.ts";
import { frame, newsLine } from "./frame.ts";
import { parseOptions } from "./options.ts";
import { type Sample, withVersions } from "./sample.ts";
import { report, table } from "./table.ts";

const nothing: Facts = {
  samples: [],
  pushes: {},
  rate: 120,
  clusterMs: 5_000,
  sceneMs: 30_000,
  load: undefined,
  memory: undefined,
  differences: undefined,
};

function sample(change: Partial<Sample>): Sample {
  const empty = { attempted: undefined, applied: undefined, subject: undefined, status: {}, load: undefined };
  const rest = { ready: false, reason: "", message: "", pods: [], versionOf: new Map<string, string>(), answers: {} };
  return { at: 0, ...empty, ...rest, ...change };
}

describe("the facts", () => {
  it("finds what Git says and the cluster does not, and nothing of what only the server adds", () => {
    const git = { spec: { ports: [{ port: 80 }], selector: { app: "web" } } };
    const live = { spec: { ports: [{ port: 80, protocol: "TCP" }], selector: { app: "web" }, clusterIP: "10.0.0.1" } };
    expect(differences(git, live, "web")).toEqual([]);
    expect(differences({ spec: { ports: [{ port: 81 }] } }, live, "web")).toEqual(["web.spec.ports[0].port"]);
  });

  it("reads the memory with and without labels", () => {
    expect(residentMemory("# HELP a b\nprocess_resident_memory_bytes 1.5e8\n")).toBe(1.5e8);
    expect(residentMemory('process_resident_memory_bytes{pod="a"} 7\n')).toBe(7);
    expect(residentMemory("")).toBeUndefined();
  });

  it("measures the way back to the last answer of another version", () => {
    const answers = [{ v2: 9 }, { v1: 9 }, { v1: 5, v2: 1 }, {}, { v1: 9 }, { v1: 9 }];
    const samples = answers.map((some, index) => sample({ at: 1_000 + index * 100, answers: some }));
    const { v1FirstAnswer, v1Alone } = timings({
      ...nothing,
      samples,
      pushes: { revertOfV2: { sha: "a", at: 1_000 } },
    });
    expect([v1FirstAnswer, v1Alone]).toEqual([100, 400]);
  });
});

describe("what is shown", () => {
  it("names versions in place of revisions", () => {
    expect(withVersions("revision a1b2 replaces a1b3", new Map([["a1b2", "v2"]]))).toBe("v2 replaces a1b3");
  });

  it("has a line for each thing, and news without what changes all the time", () => {
    const lines = frame(sample({ reason: "AtRest", message: "all traffic is at v1" }), 80);
    expect(lines.at(-1)).toBe("  why       AtRest: all traffic is at v1");
    expect(frame(sample({ reason: "Paused", message: "weight 25 is held" }), 30).slice(-2)).toEqual([
      "  why       Paused: weight 25",
      "            is held",
    ]);
    expect(newsLine(sample({ reason: "AtRest", message: "all is well" }))).toBe("not begun | AtRest: all is well");
  });
});

describe("the end", () => {
  it("fails every check of a story that did not happen, and counts them", () => {
    const checks = checksOf(nothing);
    expect(checks.filter(({ ok }) => ok)).toEqual([]);
    expect(report([...checks, nothingLeft([])]).at(-1)).toBe(`demo: 1 of ${checks.length + 1} checks passed`);
    expect(nothingLeft(["Namespace web"]).ok).toBe(false);
    expect(table(nothing).join("\n")).toContain("requests sent");
  });
});

describe("the options", () => {
  it("takes a rate that is high enough to see a lost request, and nothing unknown", () => {
    expect(parseOptions(["--rate", "200", "--keep"])).toEqual({ rate: 200, keep: true, help: false });
    expect(() => parseOptions(["--rate", "9"])).toThrow("from 100 to 1000");
    expect(() => parseOptions(["--fast"])).toThrow();
  });
});
