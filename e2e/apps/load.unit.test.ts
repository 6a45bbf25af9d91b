import { expect, test } from "vitest";
import { failures, LoadClient, type LoadStats, shareByVersion } from "./load.ts";

const stats: LoadStats = {
  sent: 203,
  answered: 200,
  failed: 13,
  byVersion: { v1: { "200": 150 }, v2: { "200": 40, "500": 10 } },
  errors: { refused: 0, reset: 3, timeout: 0, other: 0 },
  recent: { v1: 10, v2: 30 },
  failures: [{ time: "2026-01-02T03:04:05Z", version: "v2", what: "500" }],
};

test("failures are listed by version and kind", () => {
  expect(failures(stats)).toEqual([
    { version: "v2", what: "500", count: 10 },
    { what: "reset", count: 3 },
  ]);
});

test("a version that is meant to be bad can be left out, lost requests cannot", () => {
  expect(failures(stats, { exceptVersion: "v2" })).toEqual([{ what: "reset", count: 3 }]);
});

test("shares are of all answers, or of the recent ones", () => {
  expect(shareByVersion(stats)).toEqual({ v1: 0.75, v2: 0.25 });
  expect(shareByVersion(stats, "recent")).toEqual({ v1: 0.25, v2: 0.75 });
  expect(shareByVersion({ ...stats, byVersion: {} })).toEqual({});
});

test("the client reads, resets, and refuses an answer that is not the generator's", async () => {
  const calls: string[] = [];
  const client = new LoadClient(async (path, init) => {
    calls.push(`${init?.method ?? "GET"} ${path}`);
    return stats;
  });
  expect(await client.stats()).toEqual(stats);
  await client.reset();
  expect(calls).toEqual(["GET /stats", "POST /reset"]);
  await expect(new LoadClient(async () => ({ kind: "Status" })).stats()).rejects.toThrow("sent");
});
