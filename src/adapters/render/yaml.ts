import type { GitFile } from "../../ports/git.ts";
import type { Rendered, Renderer, RenderProblem, RenderRequest, RenderResult } from "../../ports/render.ts";
import { collect } from "./objects.ts";
import { type ParsedFile, parseFile } from "./parse.ts";

/** What the renderer remembers. */
export interface YamlRendererOptions {
  /** Bytes of source whose parsed form is kept; 64 MiB unless set. */
  readonly cacheBytes?: number;
}

const problemLimit = 20;
/** What the aliases of all files may repeat, in characters: many small bombs are a large one. */
const maxRepeated = 16 * 1024 * 1024;
const foreign = new Map([
  ["kustomization.yaml", "a kustomization"],
  ["kustomization.yml", "a kustomization"],
  ["Kustomization", "a kustomization"],
  ["Chart.yaml", "a chart"],
]);

/** Renders plain YAML and JSON files as kubectl reads them. */
export function createYamlRenderer(options: YamlRendererOptions = {}): Renderer {
  return new YamlRenderer(options.cacheBytes ?? 64 * 1024 * 1024);
}

class YamlRenderer implements Renderer {
  readonly #cacheBytes: number;
  /** In the order of use, the oldest first. Content is the same under every path, so the key is its hash. */
  readonly #cache = new Map<string, { readonly bytes: number; readonly parsed: ParsedFile }>();
  #cached = 0;

  constructor(cacheBytes: number) {
    this.#cacheBytes = cacheBytes;
  }

  async render({ tree, path }: RenderRequest, signal: AbortSignal): Promise<RenderResult> {
    return this.#objects(await tree.read([path], (file) => wants(inside(file, path)), signal), signal);
  }

  async #objects(files: readonly GitFile[], signal: AbortSignal): Promise<RenderResult> {
    const unsupported = files.flatMap(({ path }) => {
      const what = foreign.get(path.split("/").at(-1) ?? "");
      return what === undefined ? [] : [unsupportedFile(path, what)];
    });
    if (unsupported.length > 0) return { kind: "Broken", problems: unsupported.slice(0, problemLimit) };
    const objects: Rendered[] = [];
    const problems: RenderProblem[] = [];
    let left = maxRepeated;
    for (const file of files) {
      signal.throwIfAborted();
      const { documents, flaws, repeated } = await this.#parse(file, signal);
      left -= repeated;
      if (left < 0) return { kind: "Broken", problems: [repeatsTooMuch(file.path)] };
      const found: RenderProblem[] = flaws.map(({ reason, at, message }) => {
        return { reason, message, position: { file: file.path, ...at } };
      });
      for (const document of documents) collect(document, file.path, objects, found);
      problems.push(...found.sort((a, b) => a.position.line - b.position.line));
      if (problems.length >= problemLimit) break;
    }
    if (problems.length > 0) return { kind: "Broken", problems: problems.slice(0, problemLimit) };
    return objects.length > 0 ? { kind: "Rendered", objects } : { kind: "Broken", problems: [noManifests(files)] };
  }

  async #parse(file: GitFile, signal: AbortSignal): Promise<ParsedFile> {
    const known = this.#cache.get(file.blob);
    if (known !== undefined) {
      this.#cache.delete(file.blob);
      this.#cache.set(file.blob, known);
      return known.parsed;
    }
    const parsed = await parseFile(file.bytes, signal);
    if (!this.#cache.has(file.blob)) {
      this.#cache.set(file.blob, { bytes: file.bytes.length, parsed });
      this.#cached += file.bytes.length;
    }
    for (const [blob, { bytes }] of this.#cache) {
      if (this.#cached <= this.#cacheBytes) break;
      this.#cache.delete(blob);
      this.#cached -= bytes;
    }
    return parsed;
  }
}

/** Tells whether a file is read at all, by its path below the one that is rendered: a hidden directory may be named itself. */
function wants(path: string): boolean {
  const names = path.split("/");
  if (names.some((name) => name.startsWith("."))) return false;
  const last = names.at(-1) ?? "";
  return foreign.has(last) || /\.(ya?ml|json)$/.test(last);
}

/** The path below a directory; a file that is named itself is its last name. */
function inside(file: string, path: string): string {
  if (file === path) return file.split("/").at(-1) ?? file;
  return path === "" ? file : file.slice(path.length + 1);
}

function unsupportedFile(file: string, what: string): RenderProblem {
  return {
    reason: "Unsupported",
    position: { file, line: 1, column: 1 },
    message: `${what} among plain manifests; name its own directory as the path of a GitSync`,
  };
}

function repeatsTooMuch(file: string): RenderProblem {
  const message = "the aliases of the files repeat more than 16 MiB up to this one; write out what is needed";
  return { reason: "TooLarge", position: { file, line: 1, column: 1 }, message };
}

function noManifests(files: readonly GitFile[]): RenderProblem {
  const said = files.length === 0 ? "there is no *.yaml, *.yml or *.json file" : "no file holds an object";
  return {
    reason: "NoManifests",
    position: { file: files[0]?.path ?? ".", line: 1, column: 1 },
    message: `${said}; check the path, or commit manifests there, or let a commit message end with the line "Fairlead-Prune: confirm" if all may be deleted`,
  };
}
