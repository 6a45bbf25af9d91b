// npm run generate [-- --check]: writes what src/api and the package's version decide. With --check it changes nothing
// and fails with the name of each file that differs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { outputs } from "./generate/outputs.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
  return version;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The generated files whose content on disk is another one, each with what it should be. */
function stale(): readonly (readonly [path: string, wanted: string])[] {
  return [...outputs(packageVersion())].filter(([path, wanted]) => read(path) !== wanted);
}

function main(args: readonly string[]): number {
  const unknown = args.find((arg) => arg !== "--check");
  if (unknown !== undefined) {
    console.error(`generate: unknown argument ${unknown}; it takes --check or nothing`);
    return 2;
  }
  const differing = stale();
  if (args.includes("--check")) {
    for (const [path] of differing) console.error(`${path} is not what its source says`);
    if (differing.length > 0) console.error("run: npm run generate");
    return differing.length > 0 ? 1 : 0;
  }
  for (const [path, content] of differing) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
  return 0;
}

process.exitCode = main(process.argv.slice(2));
