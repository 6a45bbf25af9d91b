import { expect, test, vi } from "vitest";
import { HookLookups, type HookOf } from "./lookups.ts";
import type { Hook } from "./signature.ts";

const hookWith = (token: string): Hook => ({ token, provider: "Generic", repository: "https://git.example.com/a" });

function rig(hookOf: HookOf, timeoutMs = 1_000) {
  let now = 0;
  const asked = vi.fn(hookOf);
  const clock = { now: () => now, monotonic: () => now };
  const hooks = new HookLookups(asked, { clock, keepMs: 100, timeoutMs, most: 3 });
  return {
    hooks,
    asked,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("many callers at one time are one lookup, and so are those shortly after", async () => {
  const { hooks, asked } = rig(async () => hookWith("t"));
  expect(await Promise.all(Array.from({ length: 100 }, () => hooks.get("a/b")))).toEqual(
    Array(100).fill(hookWith("t")),
  );
  expect(await hooks.get("a/b")).toEqual(hookWith("t"));
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a changed token counts once the old one is forgotten", async () => {
  let hook: Hook | undefined = hookWith("old");
  const { hooks, pass } = rig(async () => hook);
  await hooks.get("a/b");
  hook = undefined;
  pass(99);
  expect(await hooks.get("a/b")).toEqual(hookWith("old"));
  pass(1);
  expect(await hooks.get("a/b")).toBeUndefined();
});

test("that there is none is remembered too, and a failure", async () => {
  const { hooks, asked } = rig(async (key) => {
    if (key === "a/bad") throw new Error("503");
    return undefined;
  });
  for (let i = 0; i < 5; i++) {
    expect(await hooks.get("a/none")).toBeUndefined();
    await expect(hooks.get("a/bad")).rejects.toThrow("503");
  }
  expect(asked).toHaveBeenCalledTimes(2);
});

test("a lookup that hangs is given up and told to stop", async () => {
  const stopped = Promise.withResolvers<void>();
  const { hooks } = rig((_, signal) => {
    signal.addEventListener("abort", () => stopped.resolve());
    return new Promise(() => undefined);
  }, 5);
  await expect(hooks.get("a/b")).rejects.toThrow("the webhook token of a/b was not found within 5 ms");
  await stopped.promise;
});

test("remembers a bounded number of keys, the newest ones", async () => {
  const { hooks, asked } = rig(async (key) => hookWith(key));
  for (let i = 0; i < 50; i++) await hooks.get(`a/${i}`);
  expect(hooks.size).toBe(3);
  await hooks.get("a/49");
  expect(asked).toHaveBeenCalledTimes(50);
});
