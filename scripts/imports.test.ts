import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { violations, violationsIn } from "./imports.ts";
import { blank } from "./source.ts";

const messages = (file: string, source: string) => violations(file, source).map(({ message }) => message);

describe("the repository", () => {
  it("keeps its rules of imports and purity", () => {
    expect(violationsIn(join(import.meta.dirname, ".."))).toEqual([]);
  });
});

describe("imports go one way", () => {
  it.each([
    ["src/api/a.ts", "../core/b.ts", "api may not import core"],
    ["src/api/v1alpha1/a.ts", "../../ports/b.ts", "api may not import ports"],
    ["src/core/sync/a.ts", "../../ports/b.ts", "core may not import ports"],
    ["src/core/a.ts", "node:crypto", "core is pure, no import of node:crypto"],
    ["src/core/a.ts", "zod", "core is pure, no import of zod"],
    ["src/ports/a.ts", "../adapters/git/b.ts", "ports may not import adapters"],
    ["src/ports/a.ts", "../telemetry/b.ts", "ports may not import telemetry"],
    ["src/adapters/git/a.ts", "../kubernetes/b.ts", "adapter git may not import adapter kubernetes"],
    ["src/adapters/git/a.ts", "../../controllers/b.ts", "adapters may not import controllers"],
    ["src/adapters/git/a.ts", "../../telemetry/b.ts", "adapters may not import telemetry"],
    ["src/controllers/a.ts", "../adapters/git/b.ts", "controllers may not import adapters"],
    ["src/controllers/a.ts", "../main.ts", "controllers may not import src/main.ts"],
    ["src/telemetry/a.ts", "../core/b.ts", "telemetry may not import core"],
    ["src/cli/a.ts", "../adapters/git/b.ts", "cli may not import adapters"],
    ["src/core/a.ts", "../testing/b.ts", "core may not import testing"],
    ["src/main.ts", "./testing/b.ts", "does not import testing"],
    ["src/main.ts", "../e2e/b.ts", "outside src"],
    ["src/api/a.ts", "./b.js", "ends in .ts"],
  ])("%s may not import %s", (file, target, message) => {
    for (const statement of [
      `import { b } from "${target}";`,
      `import type { B } from "${target}";`,
      `import {\n  b,\n  c,\n} from "${target}";`,
      `export { b } from "${target}";`,
      `export * from "${target}";`,
      `import "${target}";`,
      `const b = import("${target}");`,
      `type B = import("${target}").B;`,
    ]) {
      expect(messages(file, statement).join("\n"), statement).toContain(message);
    }
  });

  it.each([
    ["src/core/sync/a.ts", "../status/b.ts"],
    ["src/core/a.ts", "../api/b.ts"],
    ["src/ports/a.ts", "../core/b.ts"],
    ["src/adapters/git/a.ts", "./deep/b.ts"],
    ["src/adapters/git/a.ts", "../../ports/b.ts"],
    ["src/adapters/git/a.ts", "node:fs"],
    ["src/controllers/a.ts", "../telemetry/b.ts"],
    ["src/main.ts", "./adapters/git/b.ts"],
    ["src/testing/a.ts", "../adapters/git/b.ts"],
    ["src/core/a.test.ts", "../testing/b.ts"],
  ])("%s may import %s", (file, target) => {
    expect(messages(file, `import { b } from "${target}";`)).toEqual([]);
  });

  it("says where", () => {
    const source = '\n\nimport { b } from "../core/b.ts";\n';
    expect(violations("src/api/a.ts", source)).toMatchObject([{ file: "src/api/a.ts", line: 3 }]);
  });
});

describe("core is pure", () => {
  it.each([
    "await work();",
    "export async function f() {}",
    "const now = Date.now();",
    "const now = new Date();",
    "const now = new Date;",
    "const now = Date();",
    "setTimeout(f, 1);",
    "const id = Math.random();",
    "const home = process.cwd();",
    "const t = performance.now();",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the source that is checked holds a template.
    "const text = `at ${Date.now()}`;",
  ])("refuses %s", (source) => {
    expect(messages("src/core/a.ts", source)).toHaveLength(1);
    expect(messages("src/adapters/git/a.ts", source)).toEqual([]);
  });

  it.each([
    "const at = new Date(ms);",
    "// await nothing, Date.now() is an argument",
    "/** new Date() has no place here. */",
    'const text = "await Date.now() // process.env";',
    "const text = `no await`;",
    "const found = /await process.x/.test(text);",
    "const awaiting = cursor.process.x;",
    "const half = a / b; // await / c",
  ])("accepts %s", (source) => {
    expect(messages("src/core/a.ts", source)).toEqual([]);
  });
});

describe("the environment", () => {
  it.each([
    "const { HOME } = process.env;",
    'const home = process["env"].HOME;',
    'import { env } from "node:process";',
  ])("is read by main alone: %s", (source) => {
    expect(messages("src/telemetry/a.ts", source)).toEqual(["reads process.env, which only src/main.ts may"]);
    expect(messages("src/main.ts", source)).toEqual([]);
  });
});

describe("default exports", () => {
  it.each(["export default 1;", "const a = 1;\nexport { a as default };"])("are refused: %s", (source) => {
    expect(messages("e2e/a.ts", source)).toEqual(["a default export; name it"]);
    expect(messages("vitest.config.ts", source)).toEqual([]);
  });
});

describe("blank", () => {
  it("keeps lines and columns", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the source that is checked holds a template.
    const source = 'a("x\\"y"); // b\n/* c\n d */ e(`f ${g({ h: "i" })} j`) / 2;';
    const bare = blank(source, "comments and strings");
    expect(bare).toHaveLength(source.length);
    expect(bare.replaceAll(/ +/g, " ")).toBe("a( ); \n \n e( g({ h: }) ) / 2;");
  });
});
