import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ignoreRules, isIgnored, unfitLine } from "./ignore.ts";

const ignored = (patterns: string, path: string): boolean => isIgnored(ignoreRules(patterns, ""), path);

test.each([
  ["a name at any depth", "values.yaml", "a/b/values.yaml", true],
  ["a name as a whole", "values.yaml", "my-values.yaml", false],
  ["what a directory holds", "charts/", "a/charts/b/c.yaml", true],
  ["a file of a directory's name", "charts/", "charts", false],
  ["from the root", "/values.yaml", "a/values.yaml", false],
  ["with a slash inside, from the root", "a/*.yaml", "b/a/c.yaml", false],
  ["* within a name", "*-values.y?ml", "a/dev-values.yaml", true],
  ["* not across names", "a/*/c.yaml", "a/b/b/c.yaml", false],
  ["** across names", "a/**/c.yaml", "a/b/b/c.yaml", true],
  ["** of none", "a/**/c.yaml", "a/c.yaml", true],
  ["** at the start", "**/a/b.yaml", "x/y/a/b.yaml", true],
  ["** at the end", "a/**", "a/b/c.yaml", true],
  ["a class", "[a-c]?.yaml", "b1.yaml", true],
  ["a negated class", "[!a-c].yaml", "b.yaml", false],
  ["the last word counts", "*.yaml\n!keep.yaml", "keep.yaml", false],
  ["nothing comes back out of an ignored directory", "a/\n!a/keep.yaml", "a/keep.yaml", true],
  ["a comment", "# *.yaml", "a.yaml", false],
  ["a quoted sign", "\\#a.yaml", "#a.yaml", true],
  ["spaces at the end", "a.yaml   ", "a.yaml", true],
])("%s", (_, patterns, path, wanted) => {
  expect(ignored(patterns, path)).toBe(wanted);
});

test("counts from the directory of the file", () => {
  const rules = ignoreRules("/a.yaml", "x/y");
  expect(["x/y/a.yaml", "x/a.yaml", "a.yaml", "x/yy/a.yaml"].map((path) => isIgnored(rules, path))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("A11: a pattern full of wildcards takes no time", () => {
  for (const pattern of [`${"a*".repeat(127)}b`, `${"**/a*/".repeat(7)}b`, `${"*".repeat(255)}b`]) {
    for (const path of [`${"a/".repeat(2047)}c`, `${"a".repeat(4095)}c`, `${"a/".repeat(200)}${"a".repeat(3600)}c`]) {
      const start = process.cpuUsage();
      expect(ignored(pattern, path)).toBe(false);
      expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
    }
  }
  expect(unfitLine(`a\n${"a".repeat(257)}`)).toBe(2);
  expect(unfitLine("a/".repeat(16))).toBe(1);
  expect(unfitLine(`# ${"a".repeat(300)}\na/b`)).toBeUndefined();
});

test("E30: reads patterns as Git does", () => {
  const root = mkdtempSync(join(tmpdir(), "fairlead-ignore-"));
  try {
    execFileSync("git", ["init", "--quiet", root]);
    const names = ["a", "b.yaml", "ab", "c-d.yaml"];
    const name = fc.constantFrom(...names);
    const paths = [...names, ...names.flatMap((one) => names.map((two) => `${one.replace(".", "_")}.d/${two}`))];
    for (const path of paths) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), "");
    }
    const part = fc.oneof(
      name,
      fc.constantFrom("*", "**", "?", "a*", "*.yaml", "*.d", "[a-c]*", "[!a]*", "a.d", "\\a"),
    );
    const line = fc
      .tuple(
        fc.constantFrom("", "!", "/"),
        fc.array(part, { minLength: 1, maxLength: 3 }),
        fc.constantFrom("", "/", " "),
      )
      .map(([before, parts, after]) => before + parts.join("/") + after);
    const files = fc.sample(fc.array(line, { maxLength: 4 }), { numRuns: 60, seed: 1 });
    for (const lines of files) {
      const text = lines.join("\n");
      writeFileSync(join(root, ".gitignore"), text);
      const listed = execFileSync("git", ["ls-files", "--others", "--exclude-standard"], {
        cwd: root,
        encoding: "utf8",
      });
      const kept = new Set(listed.split("\n"));
      const ours = paths.filter((path) => !ignored(text, path));
      expect(ours, JSON.stringify(text)).toEqual(paths.filter((path) => kept.has(path)));
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
