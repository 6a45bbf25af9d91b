import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const PAGE = "docs/quality.md";

interface Row {
  readonly id: string;
  readonly protects: string;
  readonly files: readonly string[];
}

/** Rows of the table of cases; a test is named by a link from the page, or by its path. */
function rows(): readonly Row[] {
  const text = readFileSync(join(ROOT, PAGE), "utf8");
  return [...text.matchAll(/^\| ([AEP]\d+) \| (.*?) \| ?(.*?) ?\|$/gm)].map(
    ([, id = "", protects = "", tests = ""]) => ({
      id,
      protects,
      files: [...tests.matchAll(/\]\((.*?)\)|`([^`]+\.ts)`/g)].map(([, link, path]) =>
        link === undefined ? (path ?? "") : join(dirname(PAGE), link),
      ),
    }),
  );
}

/** Every id that stands at the start of a test's title. */
function titled(): ReadonlySet<string> {
  const files = globSync(["src/**/*.ts", "e2e/**/*.ts"], { cwd: ROOT }).filter((file) =>
    /\.(test|e2e|property)\.ts$/.test(file),
  );
  const ids = files.flatMap((file) =>
    [...readFileSync(join(ROOT, file), "utf8").matchAll(/["`]((?:[AEP]\d+(?:, | and )?)+):? /g)].flatMap(
      ([, word = ""]) => word.match(/[AEP]\d+/g) ?? [],
    ),
  );
  return new Set(ids);
}

describe("the table of cases", () => {
  const table = rows();

  it.each(table.map((row) => [row.id, row] as const))("%s names tests that there are", (id, { protects, files }) => {
    // What Fairlead does not do has no test, and says so.
    if (files.length === 0) return expect(protects).toMatch(/^Fairlead (has|does|applies to) no/);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    const named = files.filter((file) => new RegExp(`\\b${id}\\b`).test(readFileSync(join(ROOT, file), "utf8")));
    expect(named, `tests with ${id} in their title`).not.toEqual([]);
  });

  it("has every case that a test is named after", () => {
    const known = new Set(table.map(({ id }) => id));
    expect([...titled()].filter((id) => !known.has(id))).toEqual([]);
  });

  it("is sorted, so that two lines of one case stand together", () => {
    const ids = table.map(({ id }) => id);
    const key = (id: string) => `${id[0]}${id.slice(1).padStart(3, "0")}`;
    expect(ids).toEqual([...ids].sort((a, b) => key(a).localeCompare(key(b))));
  });
});
