import { describe, expect, test } from "vitest";
import { type Freeze, freeze } from "../../api/v1alpha1/freeze.ts";
import { frozenBy } from "./freeze.ts";

const window = (spec: Partial<Freeze>) => freeze.parse(spec);
const holds = (spec: Partial<Freeze>, time: string) => frozenBy([window(spec)], Date.parse(time)) !== undefined;

describe("a freeze", () => {
  test.each<[string, Partial<Freeze>, string, boolean]>([
    ["without anything is always", {}, "2026-01-01T12:00:00Z", true],
    ["of a day begins at midnight", { days: ["Sat"] }, "2026-01-02T23:59:59Z", false],
    ["of a day holds at midnight", { days: ["Sat"] }, "2026-01-03T00:00:00Z", true],
    ["of a day ends at midnight", { days: ["Sat"] }, "2026-01-04T00:00:00Z", false],
    ["of hours holds from its first minute", { from: "18:00", to: "20:30" }, "2026-01-01T18:00:00Z", true],
    ["of hours ends before its last", { from: "18:00", to: "20:30" }, "2026-01-01T20:30:00Z", false],
    ["over night holds after midnight", { days: ["Fri"], from: "18:00", to: "08:00" }, "2026-01-03T07:59:00Z", true],
    [
      "over night is of the day it begins on",
      { days: ["Fri"], from: "18:00", to: "08:00" },
      "2026-01-02T07:59:00Z",
      false,
    ],
    [
      "of Sunday night reaches into the next week",
      { days: ["Sun"], from: "22:00", to: "06:00" },
      "2026-01-05T05:59:00Z",
      true,
    ],
    [
      "follows its zone in winter",
      { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" },
      "2026-01-15T08:30:00Z",
      true,
    ],
    [
      "follows its zone in summer",
      { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" },
      "2026-07-15T07:30:00Z",
      true,
    ],
    [
      "is not an hour off in summer",
      { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" },
      "2026-07-15T08:30:00Z",
      false,
    ],
    ["is of the zone's own day", { days: ["Fri"], timeZone: "Asia/Tokyo" }, "2026-01-01T15:00:00Z", true],
  ])("%s", (_name, spec, time, wanted) => {
    expect(holds(spec, time)).toBe(wanted);
  });

  test("of an unknown zone holds, and says what to correct", () => {
    const held = frozenBy([window({ days: ["Mon"], timeZone: "Europe/Berln" })], Date.parse("2026-01-01T12:00:00Z"));
    expect(held?.because).toMatchObject({ reason: "Frozen", exit: "correct spec.freezes" });
    expect(held?.because.message).toContain("Europe/Berln");
  });

  test("is looked at again with the next minute", () => {
    expect(frozenBy([window({})], Date.parse("2026-01-01T12:00:59.500Z"))?.recheckInMs).toBe(500);
  });

  test("tells its reason and its times", () => {
    const spec = window({ days: ["Sat", "Sun"], timeZone: "Europe/Berlin", reason: "weekend" });
    expect(frozenBy([spec], Date.parse("2026-01-03T12:00:00Z"))?.because.message).toBe(
      "changes are frozen: weekend (Sat, Sun 00:00 to 24:00 Europe/Berlin)",
    );
  });
});
