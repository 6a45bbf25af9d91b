import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
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
    ["an unknown tag, where the text would be taken", "a: !vault x", "InvalidYAML", 1, 4],
    ["infinity as a key", "x: 1\n.inf: 2", "InvalidYAML", 2, 1],
    ["content beside ---, as kubectl does too", "a: 1\n--- {b: 2}", "InvalidYAML", 2, 1],
    ["a comment that touches ---", "a: 1\n---# b\n", "InvalidYAML", 2, 1],
    ["a stray carriage return", "a: 1\r\nb: 2\rc: 3", "InvalidYAML", 2, 5],
    ["a line separator of YAML 1.1", "a: 1\u2028", "InvalidYAML", 1, 5],
    ["what follows the document's value", "'a' b: 1", "InvalidYAML", 1, 5],
    ["a question mark where two versions differ", "a: [?b]", "InvalidYAML", 1, 5],
    ["a colon where two versions differ", "{a:{}}", "InvalidYAML", 1, 2],
    ["a mapping beside its key", "a: &b c: 1", "InvalidYAML", 1, 4],
    ["a key of several lines", "{'a\n  b': 1}", "InvalidYAML", 1, 2],
    ["an anchor that is no word", "a: &b.c 1", "InvalidYAML", 1, 5],
  ])("but refuses %s", async (_name, text, reason, line, column) => {
    expect((await parse(text)).flaws).toMatchObject([{ reason, at: { line, column } }]);
  });

  test("lets lines in quotes, brackets and braces begin anywhere, and keeps the places", async () => {
    const { documents, flaws } = await parse("a:\n  b: 'c\nd'\n  e: [\n1,\n]\n---\nf: {\n}\ng: !x h\n");
    expect(documents[0]?.value).toEqual({ a: { b: "c d", e: [1] } });
    expect(flaws).toMatchObject([{ at: { line: 10, column: 4 } }]);
  });

  test("reads escapes and characters that JSON allows", async () => {
    const { documents } = await parse('{"a": "\\/\\ud83d\\ude00", "b": "\u2028\u007f\u0085"}');
    expect(documents[0]?.value).toEqual({ a: "/😀", b: "\u2028\u007f\u0085" });
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

  const keys = "__proto__: {polluted: yes}\nconstructor: {prototype: {polluted: yes}}\nprototype: 1\n";

  test.each([
    ["in this thread", ""],
    ["in a thread of its own", `long: ${"x".repeat(300_000)}\n`],
  ])("A12: __proto__, constructor and prototype are plain members, read %s", async (_where, more) => {
    const { documents, flaws } = await parse(`${keys}list: [{}]\nalso: {<<: {__proto__: 2}}\n${more}`);
    expect(flaws).toEqual([]);
    const value = documents[0]?.value as { readonly [key: string]: Json };
    expect(Object.keys(value).slice(0, 5)).toEqual(["__proto__", "constructor", "prototype", "list", "also"]);
    expect(canonical(value["also"])).toBe('{"__proto__":2}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect([value, value["list"], Object.entries(value)[0]?.[1]].every(Object.isFrozen)).toBe(true);
    expect("polluted" in {}).toBe(false);
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
    ["a file of 50 MiB", "a: 1\n---\n".repeat((50 * 1024 * 1024) / 9), "TooLarge"],
    [
      "many documents with aliases",
      `a: &a ${"x".repeat(4_000)}\nb: [${"*a,".repeat(9)}]\n---\n`.repeat(200),
      "TooLarge",
    ],
    ["lines that begin anywhere, over and over", `a: [${"\n1,".repeat(100_000)}`, "InvalidYAML"],
    ["a number of a million digits", `a: !!int ${"1".repeat(1_000_000)}`, "InvalidYAML"],
  ])("E38, A11: %s: refused with less than a second's work", async (_name, text, reason) => {
    const start = process.cpuUsage();
    const { flaws } = await parse(text);
    expect(flaws[0]?.reason).toBe(reason);
    // A busy machine takes its time; the work is what counts.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  test("A11: no file takes the memory of the process, or its time", { timeout: 60_000 }, async () => {
    const program = `
      import { parseFile } from ${JSON.stringify(new URL("parse.ts", import.meta.url).href)};
      const [bytes, signal] = [(text) => new TextEncoder().encode(text), new AbortController().signal];
      const texts = [
        "a: 1", "", "a: [" + "a,".repeat(1_000_000) + "]", "[".repeat(2_000_000),
        "- ".repeat(1_000_000), "a:\\n" + "- a\\n".repeat(500_000), "{" + "a,".repeat(100_000) + "}",
      ];
      const rows = [];
      for (const text of texts) {
        let [longest, last] = [0, performance.now()];
        const timer = setInterval(() => {
          longest = Math.max(longest, performance.now() - last);
          last = performance.now();
        }, 1);
        const { flaws } = await parseFile(text === "" ? new Uint8Array(50 << 20) : bytes(text), signal);
        clearInterval(timer);
        rows.push([flaws[0]?.reason ?? "read", process.resourceUsage().maxRSS, Math.round(longest)]);
      }
      console.log(JSON.stringify(rows));`;
    const args = ["--input-type=module", "--eval", program];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const rows = JSON.parse(stdout) as [reason: string, maxKib: number, longestMs: number][];
    console.log(`reading bombs: ${stdout}`);
    expect(rows.map(([reason]) => reason)).toEqual(["read", ...Array(5).fill("TooLarge"), "DuplicateKey"]);
    const [[, before] = ["", 0], last = ["", 0]] = [rows[0], rows.at(-1)];
    expect((last[1] - before) / 1024).toBeLessThan(200);
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
    await parse("a: {b: [1, 2, 3], c: 'x'}\n---\n".repeat(20_000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

test("any JSON that is written as YAML or JSON is read as the same JSON", async () => {
  const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes("<<"));
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
