import { createHash } from "node:crypto";
import { type GitEntry, GitError } from "../ports/git.ts";
import type { HelmRelease, RenderRequest, SourceTree } from "../ports/render.ts";

/** A tree of regular files in memory, by their path. */
export function memoryTree(files: Readonly<Record<string, string>>): SourceTree {
  const names = Object.keys(files).sort();
  const at = (path: string, text: string) => ({ path, blob: hash(text), bytes: new TextEncoder().encode(text) });
  const below = (path: string) => names.filter((name) => path === "" || name === path || name.startsWith(`${path}/`));
  const entry = (path: string): GitEntry | undefined => {
    const text = files[path];
    if (text !== undefined) return { kind: "File", hash: hash(text) };
    const inside = below(path);
    if (inside.length === 0 && path !== "") return undefined;
    return { kind: "Directory", hash: hash(inside.map((name) => `${name} ${hash(files[name] ?? "")}`).join("\n")) };
  };
  return {
    look: async (paths) =>
      new Map(
        paths.flatMap((path) => {
          const found = entry(path);
          return found === undefined ? [] : [[path, found] as const];
        }),
      ),
    read: async (paths, wants) => {
      const missing = paths.find((path) => entry(path) === undefined);
      if (missing !== undefined) throw new GitError("PathNotFound", `${missing} does not exist; correct the path`);
      const all = [...new Set(paths.flatMap(below))].sort();
      return all.filter(wants).map((name) => at(name, files[name] ?? ""));
    },
  };
}

/** A request for what stands at a path of a tree in memory. */
export function memoryRequest(
  files: Readonly<Record<string, string>>,
  path = "",
  { timeoutMs = 30_000, ...release }: Partial<HelmRelease> & { readonly timeoutMs?: number } = {},
): RenderRequest {
  const facts = async () => ({ kubeVersion: "v1.35.4", apiVersions: ["v1", "apps/v1"] });
  const usual = { name: "shop", namespace: "shop", valuesFiles: [], values: {}, facts };
  return { tree: memoryTree(files), path, timeoutMs, release: { ...usual, ...release } };
}

function hash(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
