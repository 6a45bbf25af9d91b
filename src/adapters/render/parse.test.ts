import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify as dump } from "yaml";
import { canonical, type Json, stringify } from "../../api/json.ts";
import { documentLimit, type ParsedFile, parseFile } from "./parse.ts";

const never = new AbortController().signal;
const parse = (text: string | Uint8Array): Promise<ParsedFile> =>
  parseFile(typeof text === "string" ? new TextEncoder().encode(text) : text, never);

/** Documents with the JSON that sigs.k8s.io/yaml 1.6.0 gives, as its own text; "error" where it refuses. */
const rows = JSON.parse(readFileSync(new URL("testdata/kubectl.json", import.meta.url), "utf8")) as [string, string][];

describe("as kubectl", () => {
  test.each(rows)("%j is %s", async (text, expected) => {
    const { documents, flaws } = await parse(text);
    const given = flaws.length > 0 ? "error" : canonical(documents[0]?.value ?? null);
    expect(given).toBe(expected);
  });

  test.each([
    ["a duplicate key, where the last would win silently", "a: 1\na: 2", "DuplicateKey", 2, 1],
    ["two texts for one key", "true: 1\nyes: 2", "DuplicateKey", 2, 1],
    ["a duplicate deep inside", "a:\n  - b: 1\n    'b': 2", "DuplicateKey", 3, 5],
    ["an unknown tag, where the text would be taken", "a: !vault x", "InvalidYAML", 1, 11],
    ["infinity as a key", "x: 1\n.inf: 2", "InvalidYAML", 2, 1],
    ["a key that would change prototypes", "a:\n  __proto__: {x: 1}", "InvalidYAML", 2, 3],
    ["a quoted one", '{"__proto__": 1}', "InvalidYAML", 1, 2],
  ])("but refuses %s", async (_name, text, reason, line, column) => {
    expect((await parse(text)).flaws).toMatchObject([{ reason, at: { line, column } }]);
  });

  test("reads escapes that JSON allows", async () => {
    const { documents } = await parse('{"a": "\\/\\ud83d\\ude00"}');
    expect(documents[0]?.value).toEqual({ a: "/😀" });
  });

  test("integers of 64 bits come through to the text that is sent", async () => {
    const { documents } = await parse("a: 9223372036854775807\nb: 9007199254740993\nc: 9007199254740991\n");
    expect(stringify(documents[0]?.value)).toBe('{"a":9223372036854775807,"b":9007199254740993,"c":9007199254740991}');
  });
});

describe("files", () => {
  test("every document has its place, whatever the line ends", async () => {
    const text = "\uFEFF# first\r\n---\r\na: 1\r\n---\r\n\r\n# c\r\n  b: 2\r\n--- # nothing\r\n---\r\n- c\r\n";
    const { documents } = await parse(text);
    expect(documents.map(({ value, at }) => [value, at.line, at.column])).toEqual([
      [{ a: 1 }, 3, 1],
      [{ b: 2 }, 7, 3],
      [["c"], 10, 1],
    ]);
  });

  test("all broken documents are reported, with their places", async () => {
    const { flaws, documents } = await parse("a: [1\n---\nb: 1\n---\nc: 1\nc: 2\n---\n\td: 1\n");
    expect(flaws.map(({ reason, at }) => [reason, at.line])).toEqual([
      ["InvalidYAML", 2],
      ["DuplicateKey", 6],
      ["InvalidYAML", 8],
    ]);
    expect(documents).toHaveLength(1);
  });

  test("at most about twenty are reported", async () => {
    expect((await parse("a: 1\na: 2\n---\n".repeat(100))).flaws).toHaveLength(20);
  });

  test.each([
    ["bytes that are no UTF-8", new Uint8Array([97, 58, 32, 0xff]), 1, 1],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 97, 0]), 1, 1],
    ["a NUL", new TextEncoder().encode(`a: 1\nb: x${String.fromCharCode(0)}`), 2, 5],
  ])("refuses %s", async (_name, bytes, line, column) => {
    expect((await parse(bytes)).flaws).toMatchObject([{ reason: "InvalidYAML", at: { line, column } }]);
  });

  test("values are frozen and hold only their own members", async () => {
    const { documents } = await parse("constructor: {prototype: 1}\nlist: [{}]\n");
    const value = documents[0]?.value as { readonly [key: string]: Json };
    expect(Object.keys(value)).toEqual(["constructor", "list"]);
    expect(Object.isFrozen(value["list"])).toBe(true);
    expect(({} as { prototype?: unknown }).prototype).toBeUndefined();
  });
});

const nine = Array.from({ length: 9 }, (_, n) => n);
const laughs = `a0: &a0 [${"x,".repeat(9)}]\n${nine.map((n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]\n`).join("")}`;
const merges = `m0: &m0 {${nine.map((n) => `k${n}: x`).join()}}\n${nine.map((n) => `m${n + 1}: &m${n + 1} {${nine.map((k) => `a${n}${k}: *m${n}`).join()}, <<: *m${n}}\n`).join("")}`;

describe("bombs", () => {
  test.each([
    ["aliases of aliases", laughs, "TooLarge"],
    ["merges of merges", merges, "TooLarge"],
    ["a long text repeated", `a: &a ${"x".repeat(500_000)}\nb: [${"*a,".repeat(100)}]\n`, "TooLarge"],
    ["an alias inside itself", "a: &a {b: [*a]}", "InvalidYAML"],
    ["a merge inside itself", "a: {<<: &b {<<: *b}}", "InvalidYAML"],
    ["flow nesting", "[".repeat(20_000), "TooLarge"],
    ["map nesting", '{"a":'.repeat(20_000), "TooLarge"],
    ["block nesting", "- ".repeat(20_000), "TooLarge"],
    ["nesting by lines", Array.from({ length: 1000 }, (_, n) => `${" ".repeat(n)}a:\n`).join(""), "TooLarge"],
    ["keys of keys", "? ".repeat(20_000), "TooLarge"],
    [
      "nesting by aliases",
      `a0: &a0 [x]\n${Array.from({ length: 200 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]\n`).join("")}`,
      "TooLarge",
    ],
    ["a large document", `a: 1\n---\na: ${"x".repeat(documentLimit)}\n`, "TooLarge"],
    ["a number of a million digits", `a: !!int ${"1".repeat(1_000_000)}`, "InvalidYAML"],
  ])("%s is refused within a second", async (_name, text, reason) => {
    const start = performance.now();
    const { flaws } = await parse(text);
    expect(flaws[0]?.reason).toBe(reason);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("depth 100 is read", async () => {
    expect((await parse(`${"[".repeat(100)}${"]".repeat(100)}`)).flaws).toEqual([]);
    expect((await parse(`${"[".repeat(102)}${"]".repeat(102)}`)).flaws).toMatchObject([{ reason: "TooLarge" }]);
  });

  test("a mapping of many keys takes time in proportion", async () => {
    const { documents } = await parse(Array.from({ length: 5_000 }, (_, n) => `k${n}: v\n`).join(""));
    expect(Object.keys(documents[0]?.value ?? {})).toHaveLength(5_000);
  });

  test("others get their turn while a large file is parsed", async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await parse("a: {b: [1, 2, 3], c: 'x'}\n---\n".repeat(4000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

test("any JSON that is written as YAML or JSON is read as the same JSON", async () => {
  const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
  await fc.assert(
    fc.asyncProperty(json, async (value) => {
      const wanted = canonical({ value: value as Json });
      for (const text of [dump({ value }, { version: "1.1" }), JSON.stringify({ value })]) {
        const { documents, flaws } = await parse(text);
        expect(flaws).toEqual([]);
        expect(canonical(documents[0]?.value)).toBe(wanted);
      }
    }),
    { numRuns: 100 },
  );
});
