import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import { object } from "../../testing/liveObject.ts";
import { type CompiledCheck, customRule } from "./customHealth.ts";
import type { Answer, Expression } from "./expression.ts";
import { health } from "./health.ts";

const says = (kind: Answer["kind"]): Expression => ({
  ask: () => (kind === "Yes" || kind === "No" ? { kind } : { kind, column: 6, message: "is odd" }),
});
const boat = (status: JsonObject, generation = 2) => object("x.dev/v1", "Boat", { status }, { generation });
const check = (expressions: Partial<Record<"current" | "inProgress" | "failed", Answer["kind"]>>): CompiledCheck => ({
  apiVersion: "x.dev/v1",
  kind: "Boat",
  field: "spec.healthChecks[0]",
  ...Object.fromEntries(Object.entries(expressions).map(([name, kind]) => [name, says(kind)])),
});

test.each<[string, CompiledCheck, string, string]>([
  ["current", check({ current: "Yes" }), "Current", ""],
  ["not current", check({ current: "No" }), "InProgress", "is not current yet"],
  ["without the field", check({ current: "Absent" }), "InProgress", "is not current yet"],
  ["failed", check({ current: "Yes", failed: "Yes" }), "Failed", "has failed, says spec.healthChecks[0].failed"],
  ["under way", check({ current: "Yes", failed: "Yes", inProgress: "Yes" }), "InProgress", "is under way"],
  ["neither failed nor under way", check({ failed: "No", inProgress: "Absent" }), "Current", ""],
  [
    "judged by what does not fit it",
    check({ current: "Broken" }),
    "Failed",
    "cannot be judged: spec.healthChecks[0].current is odd (column 6)",
  ],
])("a custom object that is %s", (_sentence, one, kind, message) => {
  expect(health(boat({}), customRule([one], boat({})))).toEqual({ kind, message });
});

test("generations and deletion come before any expression", () => {
  const fine = check({ current: "Yes" });
  expect(health(boat({ observedGeneration: 1 }), customRule([fine], boat({}))).kind).toBe("InProgress");
  const leaving = object("x.dev/v1", "Boat", {}, { deletionTimestamp: "t" });
  expect(health(leaving, customRule([fine], leaving)).kind).toBe("Terminating");
});

test("an expression is for its kind and version alone", () => {
  expect(customRule([check({ failed: "Yes" })], object("x.dev/v2", "Boat"))).toBeUndefined();
  expect(customRule([check({ failed: "Yes" })], object("x.dev/v1", "Ship"))).toBeUndefined();
});
