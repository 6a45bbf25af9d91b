import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { blank } from "./source.ts";

/** One broken rule, with where it is and what the rule says. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Which folders of src each folder may import, itself aside. Adapters are told apart by their own folders below. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: [],
  core: ["api"],
  ports: ["api", "core"],
  adapters: ["api", "core", "ports"],
  controllers: ["api", "core", "ports", "telemetry"],
  telemetry: ["api", "ports"],
  cli: ["api", "core", "ports", "telemetry"],
};

const EVERYTHING: readonly string[] = [...Object.keys(MAY_IMPORT), "testing", "."];

/** What has no place in pure code. `new Date(ms)` is fine: its time is an argument. */
const IMPURE: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bawait\b/g, "await"],
  [/\basync\b/g, "async"],
  [/\bPromise\b/g, "Promise"],
  [/\bDate\.now\b/g, "Date.now"],
  [/\bnew\s+Date\s*(?:\(\s*\)|(?![\s(]))/g, "new Date()"],
  [/(?<!\bnew\s+)(?<![.\w])\bDate\s*\(/g, "Date()"],
  [/\bperformance\s*\./g, "performance"],
  [/\bset(?:Timeout|Interval|Immediate)\b/g, "a timer"],
  [/\bqueueMicrotask\b/g, "a timer"],
  [/\bMath\.random\b/g, "Math.random"],
  [/\bcrypto\s*\./g, "crypto"],
  [/(?<![.\w])process\s*[.[]/g, "process"],
  [/(?<![.\w])console\s*\./g, "console"],
  [/(?<![.\w])fetch\s*\(/g, "fetch"],
];

const READS_ENVIRONMENT = "reads process.env, which only src/main.ts may";

const STATEMENT = /^[ \t]*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*["']([^"']+)["']/gm;
const CALL = /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g;
const DEFAULT_EXPORT = /^[ \t]*export\s+(?:default\b|\{[^}]*\bas\s+default\b)/gm;
const ENVIRONMENT = /(?<![.\w])process\s*(?:\.\s*env\b|\[)/g;
const ENVIRONMENT_IMPORT = /^[ \t]*import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*["'](?:node:)?process["']/gm;

/** Holds one file, by its path from the repository's root, against the rules of imports and purity. */
export function violations(file: string, source: string): readonly Violation[] {
  const code = blank(source, "comments");
  const bare = blank(source, "comments and strings");
  const found = (message: string, at: number): Violation => ({ file, line: lineOf(source, at), message });
  const each = (text: string, pattern: RegExp, message: string) =>
    [...text.matchAll(pattern)].map(({ index }) => found(message, index));

  const isConfig = /^[^/]+\.config\.ts$/.test(file);
  const defaults = isConfig ? [] : each(bare, DEFAULT_EXPORT, "a default export; name it");
  if (!file.startsWith("src/") || isTest(file)) return defaults;
  const layer = layerOf(file);
  return [
    ...defaults,
    ...[...code.matchAll(STATEMENT), ...code.matchAll(CALL)].flatMap(({ 1: target = "", index }) =>
      importRules(file, target).map((message) => found(message, index)),
    ),
    ...(file === "src/main.ts" || layer === "testing"
      ? []
      : [...each(bare, ENVIRONMENT, READS_ENVIRONMENT), ...each(code, ENVIRONMENT_IMPORT, READS_ENVIRONMENT)]),
    ...(layer === "core" ? IMPURE.flatMap(([pattern, name]) => each(bare, pattern, `core is pure, no ${name}`)) : []),
  ];
}

/** Every violation of the repository below a root directory. */
export function violationsIn(root: string): readonly Violation[] {
  const folders = ["src", "scripts", "e2e", "bench"].filter((folder) => existsSync(join(root, folder)));
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
      .sort()
      .flatMap((name) => {
        const file = `${folder}/${name.replaceAll("\\", "/")}`;
        return violations(file, readFileSync(join(root, file), "utf8"));
      }),
  );
}

function importRules(file: string, target: string): readonly string[] {
  const layer = layerOf(file);
  if (!target.startsWith(".")) {
    return layer === "core" ? [`core is pure, no import of ${target}`] : [];
  }
  const path = posix.join(posix.dirname(file), target);
  const broken: string[] = [];
  if (!path.endsWith(".ts") && !path.endsWith(".json")) broken.push(`${target}: a relative import ends in .ts`);
  if (!path.startsWith("src/")) return [...broken, `${target} is outside src, which is all that the image holds`];
  const to = layerOf(path);
  const allowed = layer === "testing" || layer === "." ? EVERYTHING : [layer, ...(MAY_IMPORT[layer] ?? [])];
  if (!allowed.includes(to)) broken.push(`${layer} may not import ${to === "." ? path : to} (${target})`);
  else if (to === "testing" && layer === ".") broken.push(`${target}: what is shipped does not import testing`);
  if (layer === "adapters" && to === "adapters" && adapterOf(file) !== adapterOf(path)) {
    broken.push(`adapter ${adapterOf(file)} may not import adapter ${adapterOf(path)} (${target})`);
  }
  return broken;
}

/** The folder of src that a file is in; "." for src itself, as main.ts is. */
function layerOf(file: string): string {
  const [, folder = "", rest] = file.split("/");
  return rest === undefined ? "." : folder;
}

function adapterOf(file: string): string {
  return file.split("/")[2] ?? "";
}

/** Tests may import what they test with; they are not shipped. */
function isTest(file: string): boolean {
  return /\.(?:test|property)\.ts$/.test(file);
}

function lineOf(source: string, index: number): number {
  return source.slice(0, index).split("\n").length;
}
