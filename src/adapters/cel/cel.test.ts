import { describe, expect, it, test } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import type { Answer } from "../../core/sync/expression.ts";
import { createCel } from "./cel.ts";

const cel = createCel();

async function ask(text: string, self: Json): Promise<Answer> {
  const compiled = await cel.compile(text, ["self"]);
  if (compiled.kind === "Invalid") throw new Error(`column ${compiled.column}: ${compiled.message}`);
  return compiled.expression.ask({ self });
}

const ready: JsonObject = {
  metadata: { generation: 3 },
  spec: { replicas: 2, ratio: 0.5, big: 9007199254740993n },
  status: {
    ready: 2,
    observedGeneration: 3,
    since: "2026-01-01T00:00:00Z",
    conditions: [{ type: "Ready", status: "True", observedGeneration: 3 }],
    empty: null,
  },
};

test.each<[string, string, Answer["kind"]]>([
  ["a field", "self.status.ready == 2", "Yes"],
  ["two fields", "self.status.ready >= self.spec.replicas", "Yes"],
  ["arithmetic", "self.status.ready + 1 > self.spec.replicas", "Yes"],
  ["a fraction", "self.spec.ratio < 1.0 && self.spec.ratio > 0.4", "Yes"],
  ["an integer beyond 2^53", "self.spec.big == 9007199254740993", "Yes"],
  ["a condition by filter", "self.status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'True')", "Yes"],
  ["a condition by exists", "self.status.conditions.exists(c, c.type == 'Ready' && c.status == 'False')", "No"],
  [
    "its generation",
    "self.status.conditions.exists(c, c.type == 'Ready' && c.observedGeneration == self.metadata.generation)",
    "Yes",
  ],
  ["a size", "size(self.status.conditions) == 1 && self.status.conditions.size() == 1", "Yes"],
  ["a time", "timestamp(self.status.since) < timestamp('2027-01-01T00:00:00Z')", "Yes"],
  ["has", "has(self.status.other)", "No"],
  ["null", "self.status.empty == null", "Yes"],
  ["a field that is not there", "self.status.other == 1", "Absent"],
  ["what JavaScript has on every object", "self.constructor == 1", "Absent"],
  ["the prototype", "self.status['__proto__'] == 1", "Absent"],
  ["a wrong type", "self.status.ready.startsWith('2')", "Broken"],
  ["no true or false", "self.status.ready", "Broken"],
])("asks for %s", async (_sentence, text, kind) => {
  expect((await ask(text, ready)).kind).toBe(kind);
});

test.each<[string, string, number, string]>([
  ["an open end", "self.a ==", 10, "Unexpected"],
  ["an unknown variable", "1 == 1 && other.a", 11, "Unknown variable: other"],
  ["a text compared with a number", "'a' == 1", 1, "no such overload"],
  ["a number as the answer", "1 + 2", 1, "gives int where true or false belongs"],
  ["a pattern", "true && self.a.matches('(a+)+$')", 9, "matches() is not offered"],
  ["map", "self.a.map(x, x).size() > 1", 1, "map() is not offered"],
  ["bind", "cel.bind(x, self.a, x == x)", 1, "bind() is not offered"],
  ["a list that grows", "(self.a + self.a).size() > 1", 2, "+ is for numbers"],
  ["a list of lists", "[self.a.filter(x, true)].exists(x, x.exists(y, y in x))", 2, "filter() cannot stand"],
  ["three loops", "self.a.all(x, self.a.all(y, self.a.all(z, x == y)))", 29, "all() stands in more than"],
  ["too much text", `self.a == '${"a".repeat(1024)}'`, 1, "more than 1024 characters"],
  ["too deep a nest", `${"(".repeat(40)}true${")".repeat(40)}`, 33, "maxDepth"],
])("refuses %s with its column", async (_sentence, text, column, says) => {
  const compiled = await cel.compile(text, ["self"]);
  expect(compiled).toMatchObject({ kind: "Invalid", column });
  expect(compiled.kind === "Invalid" && compiled.message).toContain(says);
});

describe("A11: expressions of a hostile repository", () => {
  const items = Array.from({ length: 20_000 }, (_, index) => ({ name: `item-${index}`, n: index }));
  const numbers = Array.from({ length: 20_000 }, (_, index) => index);
  const text = "a".repeat(1_000_000);
  it.each<[string, string, Json]>([
    ["a loop in a loop over much", "self.all(x, self.all(y, x != y || x == y))", items],
    ["a loop whose errors count as false", "self.exists(x, self.exists(y, y.none == x))", items],
    ["a search for each element", "self.exists(x, -1 in self)", numbers],
    ["a comparison of all with all", "self.all(x, self == self)", items],
    ["a filter for each element", "self.filter(x, self.filter(y, true).size() > 0).size() > 0", numbers],
    ["a long text", "self.contains('b')", text],
    ["much text", "self.exists(x, x.contains('ab'))", Array.from({ length: 1_000 }, () => "a".repeat(1_000))],
  ])("%s costs no more than the budget", async (_sentence, expression, self) => {
    const began = performance.now();
    expect(await ask(expression, self)).toMatchObject({
      kind: "Broken",
      message: expect.stringContaining("reads more than"),
    });
    // Without a bound it would be minutes.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("loops over literals stay within the length of the text", async () => {
    const list = `[${Array.from({ length: 60 }, (_, index) => index).join(",")}]`;
    const expression = `${list}.all(a, ${list}.all(b, a in ${list} && b in ${list}))`;
    expect((await ask(expression, {})).kind).toBe("Yes");
  });

  it("no error text shows a value", async () => {
    for (const expression of ["int(self.key) == 1", "timestamp(self.key) > timestamp(self.key)", "self.key > 1"]) {
      const answer = await ask(expression, { key: "s3cr3t" });
      expect(answer.kind).toBe("Broken");
      expect(JSON.stringify(answer)).not.toContain("s3cr3t");
    }
  });
});
