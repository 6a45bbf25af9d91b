import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

const config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

/** Creates a repository, or takes over one that an earlier process left, with our config in place of any other. */
export async function openOnDisk(dir: string): Promise<void> {
  for (const name of ["home", "refs", "objects/pack", "objects/info"]) {
    await mkdir(join(dir, name), { recursive: true, mode: 0o700 });
  }
  for (const name of ["hooks", "objects/info/alternates"]) await rm(join(dir, name), { recursive: true, force: true });
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

/** What the packs of a repository take. */
export async function sizeOf(dir: string): Promise<{ readonly bytes: number; readonly packs: number }> {
  const pack = join(dir, "objects/pack");
  const names = await readdir(pack).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOfFile(join(pack, name))));
  return {
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    packs: names.filter((name) => name.endsWith(".pack")).length,
  };
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
