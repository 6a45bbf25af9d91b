import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { cached } from "./cache.ts";
import { sharedLibraries } from "./sharedLibraries.ts";
import { type TarEntry, tarArchive } from "./tar.ts";
import type { ImageSpec } from "./types.ts";

/** Writes a docker-archive tar (cached by content) and returns its path and image reference. */
export async function buildImage(spec: ImageSpec): Promise<{ readonly tar: string; readonly reference: string }> {
  const entries = layerEntries(spec);
  const hash = await contentHash(spec, entries);
  const reference = `${spec.name}:${hash}`;
  const directory = await cached({
    family: `image-${spec.name.replace(/[^\w.-]+/g, "-")}`,
    hash,
    lock: `image-${hash}`,
    log: () => {},
    make: (draft) => writeArchive(draft, spec, reference, entries),
  });
  return { tar: join(directory, "image.tar"), reference };
}

/** What the image's one layer holds, parents before children. */
function layerEntries(spec: ImageSpec): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  for (const { from, to, mode } of spec.files) addTree(entries, from, inImage(to), mode);
  for (const [path, text] of Object.entries(spec.text ?? {})) {
    entries.set(inImage(path), { kind: "text", path: inImage(path), mode: 0o644, text });
  }
  for (const path of [...entries.keys(), "tmp/x"]) addParents(entries, path);
  entries.set("tmp", { kind: "directory", path: "tmp", mode: 0o1777 });
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function inImage(path: string): string {
  return posix.normalize(path).replace(/^\/+|\/+$/g, "");
}

function addTree(entries: Map<string, TarEntry>, from: string, path: string, mode?: number): void {
  const stat = statSync(from);
  if (!stat.isDirectory()) {
    addFile(entries, realpathSync(from), path, mode);
    return;
  }
  if (path) entries.set(path, { kind: "directory", path, mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), posix.join(path, entry.name)];
    if (entry.isSymbolicLink()) entries.set(target, { kind: "link", path: target, target: readlinkSync(source) });
    else if (entry.isDirectory()) addTree(entries, source, target, mode);
    else if (entry.isFile()) addFile(entries, source, target, mode);
  }
}

function addFile(entries: Map<string, TarEntry>, from: string, path: string, mode?: number): void {
  const stat = lstatSync(from);
  const executable = (stat.mode & 0o111) !== 0;
  entries.set(path, { kind: "file", path, from, size: stat.size, mode: mode ?? (executable ? 0o755 : 0o644) });
  if (!executable || process.platform !== "linux") return;
  for (const library of sharedLibraries(from)) {
    const target = inImage(library);
    if (entries.has(target)) continue;
    const source = realpathSync(library);
    entries.set(target, { kind: "file", path: target, from: source, size: statSync(source).size, mode: 0o755 });
  }
}

function addParents(entries: Map<string, TarEntry>, path: string): void {
  for (let parent = posix.dirname(path); parent !== "." && !entries.has(parent); parent = posix.dirname(parent)) {
    entries.set(parent, { kind: "directory", path: parent, mode: 0o755 });
  }
}

async function contentHash(spec: ImageSpec, entries: readonly TarEntry[]): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([spec.name, imageConfig(spec, "")]));
  for (const entry of entries) {
    hash.update(JSON.stringify({ ...entry, from: undefined }));
    if (entry.kind === "file") {
      for await (const chunk of createReadStream(entry.from, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

async function writeArchive(
  draft: string,
  spec: ImageSpec,
  reference: string,
  entries: readonly TarEntry[],
): Promise<void> {
  const layer = join(draft, "layer.tar");
  const layerHash = createHash("sha256");
  await pipeline(tap(tarArchive(entries), layerHash), createWriteStream(layer));
  const config = JSON.stringify(imageConfig(spec, layerHash.digest("hex")));
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [reference], Layers: ["layer.tar"] }]);
  const parts: TarEntry[] = [
    { kind: "text", path: "manifest.json", mode: 0o644, text: manifest },
    { kind: "text", path: configName, mode: 0o644, text: config },
    { kind: "file", path: "layer.tar", mode: 0o644, from: layer, size: statSync(layer).size },
  ];
  await pipeline(tarArchive(parts), createWriteStream(join(draft, "image.tar")));
  await writeFile(layer, ""); // it is in the archive: no need for twice the space
}

async function* tap(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function imageConfig(spec: ImageSpec, layerDigest: string): object {
  const architectures: Record<string, string> = { x64: "amd64", arm64: "arm64" };
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const variables = Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return {
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: {
      Entrypoint: spec.entrypoint,
      Env: spec.env?.["PATH"] ? variables : [path, ...variables],
      WorkingDir: "/",
      ...(spec.user ? { User: spec.user } : {}),
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "fairlead" }],
  };
}
