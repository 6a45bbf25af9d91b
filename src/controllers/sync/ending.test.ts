import { expect, it } from "vitest";
import type { Failure } from "../../core/sync/outcome.ts";
import { recheck } from "./ending.ts";

const failure: Failure = {
  ref: { apiVersion: "example.com/v1", kind: "Boat", namespace: "shop", name: "one" },
  reason: "UnknownKind",
  message: "has a kind that the API server does not serve",
};

it("E19: looks for a kind that comes later ever less often, but within a minute", () => {
  const times = [0, 60_000, 120_000, 3_600_000].map((since) => recheck([], [failure], { kind: "Nothing" }, since));
  expect(times).toEqual([10_000, 15_000, 30_000, 60_000]);
});

it("looks again at nothing that rests", () => {
  expect(recheck([], [], { kind: "Nothing" }, 3_600_000)).toBeUndefined();
});
