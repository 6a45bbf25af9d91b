import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheDirectory, cached } from "./cache.ts";

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
    const asked = await Promise.all([1, 2, 3].map(() => cached({ key: "one", lock: "build", log, make })));
    expect(made).toBe(1);
    expect(new Set(asked).size).toBe(1);
    expect(existsSync(join(asked[0] ?? "", "result"))).toBe(true);
  });

  it("leaves nothing behind when making fails, and tries again", async () => {
    const entry = { key: "one", lock: "build", log };
    const fail = () => Promise.reject(new Error("no compiler"));
    await expect(cached({ ...entry, make: fail })).rejects.toThrow("no compiler");
    expect(readdirSync(cacheDirectory())).toEqual([]);
    await cached({ ...entry, make: async () => {} });
    expect(readdirSync(cacheDirectory())).toEqual(["one"]);
  });

  it("takes over the lock of a process that died", async () => {
    await cached({ key: "first", lock: "other", log, make: async () => {} });
    writeFileSync(join(cacheDirectory(), "build.lock"), JSON.stringify({ pid: 2 ** 22 + 1, started: "1" }));
    await cached({ key: "one", lock: "build", log, make: async () => {} });
    expect(readdirSync(cacheDirectory()).sort()).toEqual(["first", "one"]);
  });
});
