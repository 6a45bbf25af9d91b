import { describe, expect, it } from "vitest";
import { parseOptions } from "./options.ts";
import { faultsOf, type Row } from "./rows.ts";
import { type Setting, settingsWith, titleOf, wavesOf } from "./settings.ts";
import { backTable, comparisonTable, trafficTable } from "./tables.ts";

const setting: Setting = { strategy: "canary", way: "pod share", app: "exits at once", restarts: false };
const routed: Setting = { ...setting, way: "Gateway" };

function row(change: Partial<Row>): Row {
  return { setting, what: "adopt", sent: 1_200, failed: 0, seconds: 10, rate: 120, failures: [], ...change };
}

const back = (seconds: number, readiness?: number) => ({
  seconds,
  writes: 5,
  rested: seconds + 2,
  ...(readiness === undefined ? {} : { readiness }),
});

describe("the options", () => {
  it("are three runs of everything unless told", () => {
    expect(parseOptions([])).toMatchObject({ runs: 3, rate: 120, beside: 2, settings: settingsWith([]) });
    expect(parseOptions(["--soak"]).runs).toBe(20);
    expect(settingsWith([])).toHaveLength(24);
  });

  it("choose settings by words of their titles", () => {
    const { settings } = parseOptions(["--only", "CANARY", "--only", "gateway", "--only", "undisturbed"]);
    expect(settings.map(titleOf)).toEqual([
      "canary, Gateway, exits at once, undisturbed",
      "canary, Gateway, stops in order, undisturbed",
    ]);
  });

  it.each([
    [["--runs", "0"], /--runs is a whole number from 1 to 100/],
    [["--rate", "50"], /--rate is a whole number from 100/],
    [["--soak", "--runs", "2"], /give one of them/],
    [["--only", "mesh"], /no setting has mesh.*canary, pod share, exits at once, undisturbed/s],
    [["--fast"], /fast/],
  ])("refuse %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

it("never lets a life with restarts run beside one without", () => {
  const waves = wavesOf(settingsWith([]), 6);
  expect(waves.flat()).toEqual(settingsWith([]));
  for (const wave of waves)
    expect(new Set(wave.map(({ strategy, restarts }) => `${strategy} ${restarts}`)).size).toBe(1);
  expect(wavesOf(settingsWith([]), 1)).toHaveLength(24);
});

describe("a row", () => {
  it.each<[string, Partial<Row>, RegExp]>([
    ["with a failed request", { failed: 2, failures: ["reset: EOF"] }, /2 requests failed: reset: EOF/],
    ["with too few requests to tell", { rate: 99 }, /99 requests a second/],
    ["with a slow warm way back", { back: back(3) }, /the way back took 3\.0 s$/],
    ["with a slow cold one", { back: back(4.5, 1.5) }, /took 4\.5 s with pods that were ready after 1\.5 s/],
  ])("%s is at fault", (_what, change, fault) => {
    expect(faultsOf(row(change))).toEqual([expect.stringMatching(fault)]);
  });

  it.each<[string, Partial<Row>]>([
    ["without failures", {}],
    ["with a warm way back in time", { back: back(2.9) }],
    ["with a cold one in time", { back: back(4.4, 1.5) }],
    ["whose way back waited for the operator to start", { back: back(9), setting: { ...setting, restarts: true } }],
  ])("%s is not", (_what, change) => {
    expect(faultsOf(row(change))).toEqual([]);
  });
});

describe("the tables", () => {
  const rows = [
    row({ what: "adopt" }),
    row({ what: "adopt", sent: 1_300, failed: 1, seconds: 11.04 }),
    row({ what: "adopt", setting: routed, seconds: 12 }),
    row({ what: "cancel at 25 %", back: back(0.4) }),
    row({ what: "roll back, cold", back: back(2.26, 1.3) }),
    row({ what: "roll back, cold", back: back(2.5, 1.5) }),
    row({ what: "cancel at 25 %", back: back(7), setting: { ...setting, restarts: true } }),
  ];

  it("tell requests and seconds of all runs by way, and what was not measured", () => {
    expect(trafficTable(rows)).toEqual([
      "A program that exits at once on SIGTERM, no preStop hook",
      "                           pod share: sent  failed    seconds  Gateway: sent  failed  seconds",
      "  canary: adopt                       2500       1  10.0-11.0           1200       0     12.0",
      "  canary: cancel at 25 %              1200       0       10.0              -       -        -",
      "  canary: roll back, cold             2400       0       10.0              -       -        -",
      "",
      "A program that exits at once on SIGTERM, no preStop hook, the operator killed and started again in the middle of each",
      "                          pod share: sent  failed  seconds  Gateway: sent  failed  seconds",
      "  canary: cancel at 25 %             1200       0     10.0              -       -        -",
      "",
    ]);
  });

  it("tell the undisturbed ways back, warm and cold", () => {
    expect(backTable(rows).slice(1)).toEqual([
      "                           pod share: seconds  pods ready  writes  Gateway: seconds  pods ready  writes",
      "  canary: cancel at 25 %                  0.4        warm       5                 -           -       -",
      "  canary: roll back, cold             2.3-2.5     1.3-1.5       5                 -           -       -",
      "",
    ]);
  });

  it("compare by the sums of undisturbed lives", () => {
    expect(comparisonTable(rows)).toEqual([
      "  requests lost by     taking over  release  revert  reject  deletion  back, warm (s)  back, cold (s)",
      "  Fairlead, pod share            1        0       0       0         0             0.4         2.3-2.5",
      "  Fairlead, Gateway              0        0       0       0         0               -               -",
      "",
    ]);
  });

  it("are empty without rows", () => {
    expect([...trafficTable([]), ...backTable([]), ...comparisonTable([])]).toEqual([]);
  });
});
