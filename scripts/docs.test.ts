import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { z } from "zod";
import type { Json } from "../src/api/json.ts";
import { isManifest, type Manifest } from "../src/api/objects.ts";
import { gitSyncSpec } from "../src/api/v1alpha1/gitsync.ts";
import { API_VERSION } from "../src/api/v1alpha1/names.ts";
import { rolloutSpec } from "../src/api/v1alpha1/progressiverollout.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGES = globSync(["*.md", "docs/**/*.md", "e2e/**/*.md"], { cwd: ROOT }).sort();
const SPECS: Readonly<Record<string, z.ZodType>> = { GitSync: gitSyncSpec, ProgressiveRollout: rolloutSpec };

function textOf(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The fenced blocks of a language, with the line at which each begins. */
function blocks(page: string, language: string): readonly { readonly line: number; readonly text: string }[] {
  const text = textOf(page);
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map((match) => ({
    line: text.slice(0, match.index).split("\n").length + 1,
    text: match[1] ?? "",
  }));
}

/** The objects of a block; throws where it is no YAML, or holds something that is no Kubernetes object. */
function objects(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    const value = document.toJS() as Json;
    if (!isManifest(value)) throw new Error(`no Kubernetes object: ${JSON.stringify(value)}`);
    return value;
  });
}

/** The fields of a spec that its schema does not know: parsing drops them, and nothing else. */
function unknownFields(given: unknown, parsed: unknown, path: string): readonly string[] {
  if (typeof given !== "object" || given === null) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const here = `${path}.${key}`;
    const kept = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>)[key] : undefined;
    return kept === undefined ? [here] : unknownFields(value, kept, here);
  });
}

/** The place that a heading's link leads to, as Git hosts make it. */
function anchors(page: string): readonly string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

const yaml = PAGES.flatMap((page) =>
  blocks(page, "yaml").map((block) => ({ place: `${page}:${block.line}`, ...block })),
);

describe("the documentation", () => {
  it.each(yaml)("has objects that the API takes, at $place", ({ text }) => {
    for (const object of objects(text)) {
      const spec = SPECS[object.kind];
      if (spec === undefined) continue;
      expect(object.apiVersion).toBe(API_VERSION);
      const parsed = spec.parse(object["spec"]);
      expect(unknownFields(object["spec"], parsed, "spec")).toEqual([]);
    }
  });

  it("shows both resources, in README and in the guides", () => {
    const kinds = (within: string) =>
      yaml.filter(({ place }) => place.startsWith(within)).flatMap(({ text }) => objects(text).map(({ kind }) => kind));
    for (const within of ["README.md", "docs/guides/"])
      expect(kinds(within)).toEqual(expect.arrayContaining(Object.keys(SPECS)));
  });

  it.each(PAGES)("links to what is there, in %s", (page) => {
    const prose = textOf(page)
      .replaceAll(/^```.*?^```$/gms, "")
      .replaceAll(/`[^`\n]*`/g, "");
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchors(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("lists every decision in the index", () => {
    const pages = globSync("[0-9]*.md", { cwd: join(ROOT, "docs/adr") });
    expect(pages.filter((page) => !textOf("docs/adr/README.md").includes(`(${page})`))).toEqual([]);
  });
});
