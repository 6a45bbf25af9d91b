import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

const config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

/** Creates a repository, or takes over one that an earlier process left, with our config in place of any other. */
export async function openOnDisk(dir: string): Promise<void> {
  for (const name of ["home", "refs", "objects/pack", "objects/info"]) {
    await mkdir(join(dir, name), { recursive: true, mode: 0o700 });
  }
  // The last two would hide a part of the history.
  for (const name of ["hooks", "objects/info/alternates", "info/grafts", "shallow"])
    await rm(join(dir, name), { recursive: true, force: true });
  await replaceFile(join(dir, "config"), config);
  await replaceFile(join(dir, "HEAD"), "ref: refs/heads/none\n");
  await sweep(dir);
}

/** Removes what a killed git leaves behind: locks that would block the next call, and parts of packs. */
export async function sweep(dir: string): Promise<void> {
  const left = (await readdir(dir, { recursive: true })).filter((name) => /(\.lock|\/tmp_[^/]*)$/.test(name));
  for (const name of left) await rm(join(dir, name), { force: true, recursive: true });
}

/** Marks a repository as used, so that it outlives a restart. */
export async function touch(dir: string): Promise<void> {
  const now = new Date();
  await utimes(dir, now, now);
}

/** What the packs of a repository take, those that are just coming in among them. */
export interface Size {
  readonly bytes: number;
  readonly objects: number;
  readonly packs: number;
}

/** Measures the packs of a repository. */
export async function sizeOf(dir: string): Promise<Size> {
  const pack = join(dir, "objects/pack");
  const names = await readdir(pack).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOfFile(join(pack, name))));
  const isPack = (name: string) => name.endsWith(".pack") || name.startsWith("tmp_pack_");
  const counts = await Promise.all(names.filter(isPack).map((name) => objectsIn(join(pack, name))));
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    objects: counts.reduce((sum, count) => sum + count, 0),
    packs: names.filter((name) => name.endsWith(".pack")).length,
  };
}

/** The number of objects that the first twelve bytes of a pack announce. */
async function objectsIn(path: string): Promise<number> {
  const file = await open(path).catch(() => undefined);
  try {
    const read = await file?.read(Buffer.alloc(12), 0, 12, 0);
    return read === undefined || read.bytesRead < 12 ? 0 : read.buffer.readUInt32BE(8);
  } finally {
    await file?.close();
  }
}

async function sizeOfFile(path: string): Promise<number> {
  // A temporary file may go between the listing and this question.
  const found = await stat(path).catch(() => undefined);
  return found?.size ?? 0;
}

async function replaceFile(path: string, text: string): Promise<void> {
  const part = `${path}.${randomUUID()}`;
  await writeFile(part, text, { mode: 0o600 });
  await rename(part, path);
}
