import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Expressions } from "../../ports/expressions.ts";
import { object } from "../../testing/liveObject.ts";
import { checksOf } from "./checks.ts";
import { SyncStates } from "./state.ts";

const sync = (generation: number, resourceVersion: string) => {
  const spec: JsonObject = {
    url: "https://git.example.com/x.git",
    dependsOn: [{ name: "a" }, { name: "b", readyExpr: "fine" }, { name: "c", readyExpr: "wrong" }],
    healthChecks: [{ apiVersion: "x.dev/v1", kind: "Boat", current: "fine", failed: "wrong" }],
  };
  return parseGitSync(object("fairlead.dev/v1alpha1", "GitSync", { spec }, { generation, resourceVersion }));
};

/** Takes "fine", and nothing else. */
function compiler() {
  const compiled: string[] = [];
  const expressions: Expressions = {
    async compile(text, variables) {
      compiled.push(`${text} ${variables.join()}`);
      return text === "fine"
        ? { kind: "Compiled", expression: { ask: () => ({ kind: "Yes" }) } }
        : { kind: "Invalid", column: 3, message: "is odd" };
    },
  };
  return { compiled, expressions };
}

test("the expressions are compiled once for each generation, and told by field and column when they are wrong", async () => {
  const state = new SyncStates().of("n/x");
  const { compiled, expressions } = compiler();
  const checks = await checksOf(sync(1, "1"), state, expressions);
  expect(compiled).toEqual(["fine self", "wrong self", "fine self,dep", "wrong self,dep"]);
  expect(checks.broken).toEqual([
    "spec.healthChecks[0].failed, column 3: is odd",
    "spec.dependsOn[2].readyExpr, column 3: is odd",
  ]);
  expect(checks.ready.map((one) => one !== undefined)).toEqual([false, true, false]);
  expect(checks.health[0]).toMatchObject({
    apiVersion: "x.dev/v1",
    kind: "Boat",
    current: {},
    field: "spec.healthChecks[0]",
  });
  expect(await checksOf(sync(1, "2"), state, expressions)).toBe(checks);
  await checksOf(sync(2, "3"), state, expressions);
  expect(compiled).toHaveLength(8);
});
