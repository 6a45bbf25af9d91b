import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { identify, isAlive, type ProcessIdentity } from "./processIdentity.ts";
import { waitFor } from "./wait.ts";

/** Where things that take long to make are kept from one run to the next, outside the tree. */
export function cacheDirectory(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "fairlead");
}

const keepUnusedMs = 2 * 24 * 60 * 60 * 1000;

/** Something to make once: `make` fills the directory it is given. */
export interface CacheEntry {
  /** What it is; entries of a family that nobody asked for in two days go when a new one is made. */
  readonly family: string;
  /** Of all that the content depends on. */
  readonly hash: string;
  readonly make: (directory: string) => Promise<void>;
  /** Entries with the same lock are made one after the other, also by different processes. */
  readonly lock: string;
  readonly log: (line: string) => void;
}

/** Returns the directory of an entry, made now if it was never made: whole, or not there at all. */
export async function cached(entry: CacheEntry): Promise<string> {
  const directory = join(cacheDirectory(), `${entry.family}-${entry.hash}`);
  if (await use(directory)) return directory;
  await mkdir(cacheDirectory(), { recursive: true });
  // Whoever holds the lock may be making something else by then, for minutes.
  const release = await acquire(join(cacheDirectory(), `${entry.lock}.lock`), entry.log, () => use(directory));
  const draft = join(cacheDirectory(), `.draft-${randomBytes(4).toString("hex")}`);
  try {
    if (await use(directory)) return directory;
    await mkdir(draft);
    await entry.make(draft);
    await rename(draft, directory);
    await prune(entry.family);
    return directory;
  } finally {
    await rm(draft, { recursive: true, force: true });
    await release();
  }
}

/** Whether an entry is there; if so, marks it as used today. */
async function use(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

async function prune(family: string): Promise<void> {
  const isMember = (name: string) => name.startsWith(`${family}-`) && /^[0-9a-f]+$/.test(name.slice(family.length + 1));
  for (const name of await readdir(cacheDirectory())) {
    const path = join(cacheDirectory(), name);
    const used = isMember(name) ? await stat(path).catch(() => undefined) : undefined;
    if (used && Date.now() - used.mtimeMs > keepUnusedMs) await rm(path, { recursive: true, force: true });
  }
}

/** A lock only spares work (what is made appears by a rename), so the tiny race in breaking a dead one is harmless. */
async function acquire(
  path: string,
  log: (line: string) => void,
  isThere: () => Promise<boolean>,
): Promise<() => Promise<void>> {
  let told = false;
  return waitFor(
    `the lock ${path}`,
    async () => {
      if (await isThere()) return { value: async () => {} };
      const file = await open(path, "wx").catch(() => undefined);
      if (file) {
        await file.writeFile(JSON.stringify(identify(process.pid)));
        await file.close();
        return { value: () => rm(path, { force: true }) };
      }
      const text = await readFile(path, "utf8").catch(() => "");
      const holder = text ? (JSON.parse(text) as ProcessIdentity) : undefined;
      if (holder && !isAlive(holder)) await rm(path, { force: true });
      else if (!told && holder) {
        log(`waiting for process ${holder.pid}, which is making something`);
        told = true;
      }
      return { seen: `held by ${text || "a process that has not said its number"}` };
    },
    { limitMs: 45 * 60_000, everyMs: 100 },
  );
}
