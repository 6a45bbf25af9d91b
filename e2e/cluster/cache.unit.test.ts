import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheDirectory, cached } from "./cache.ts";
import { identify } from "./processIdentity.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fairlead-cache-"));
  vi.stubEnv("XDG_CACHE_HOME", directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

describe("cached", () => {
  const log = () => {};

  it("makes an entry once, however many ask for it at the same time", async () => {
    let made = 0;
    const make = async (draft: string) => {
      made += 1;
      await setImmediate();
      writeFileSync(join(draft, "result"), "done");
    };
    const asked = await Promise.all(
      [1, 2, 3].map(() => cached({ family: "program", hash: "01", lock: "build", log, make })),
    );
    expect(made).toBe(1);
    expect(new Set(asked).size).toBe(1);
    expect(existsSync(join(asked[0] ?? "", "result"))).toBe(true);
  });

  it("leaves nothing behind when making fails, and tries again", async () => {
    const entry = { family: "program", hash: "01", lock: "build", log };
    const fail = () => Promise.reject(new Error("no compiler"));
    await expect(cached({ ...entry, make: fail })).rejects.toThrow("no compiler");
    expect(readdirSync(cacheDirectory())).toEqual([]);
    await cached({ ...entry, make: async () => {} });
    expect(readdirSync(cacheDirectory())).toEqual(["program-01"]);
  });

  it("drops what nobody used for long when something newer of the family is made", async () => {
    const make = async () => {};
    const old = await cached({ family: "program", hash: "01", lock: "build", log, make });
    const other = await cached({ family: "program-other", hash: "01", lock: "build", log, make });
    const longAgo = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000);
    for (const path of [old, other]) utimesSync(path, longAgo, longAgo);
    const recent = await cached({ family: "program", hash: "02", lock: "build", log, make });
    expect([old, other, recent].map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  it("waits for another maker no longer than until what it wants is there", async () => {
    mkdirSync(cacheDirectory());
    writeFileSync(join(cacheDirectory(), "build.lock"), JSON.stringify(identify(process.pid)));
    const make = () => Promise.reject(new Error("it was made already"));
    const asked = cached({ family: "program", hash: "01", lock: "build", log, make });
    mkdirSync(join(cacheDirectory(), "program-01"));
    expect(await asked).toBe(join(cacheDirectory(), "program-01"));
    expect(existsSync(join(cacheDirectory(), "build.lock"))).toBe(true);
  });

  it("takes over the lock of a process that died", async () => {
    await cached({ family: "program", hash: "02", lock: "other", log, make: async () => {} });
    writeFileSync(join(cacheDirectory(), "build.lock"), JSON.stringify({ pid: 2 ** 22 + 1, started: "1" }));
    await cached({ family: "program", hash: "01", lock: "build", log, make: async () => {} });
    expect(readdirSync(cacheDirectory()).sort()).toEqual(["program-01", "program-02"]);
  });
});
