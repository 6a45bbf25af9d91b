import { expect, test, vi } from "vitest";
import { type TokenOf, Tokens } from "./tokens.ts";

function rig(tokenOf: TokenOf, timeoutMs = 1_000) {
  let now = 0;
  const asked = vi.fn(tokenOf);
  const clock = { now: () => now, monotonic: () => now };
  const tokens = new Tokens(asked, { clock, keepMs: 100, timeoutMs, most: 3 });
  return {
    tokens,
    asked,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test("many callers at one time are one lookup, and so are those shortly after", async () => {
  const { tokens, asked } = rig(async () => "t");
  expect(await Promise.all(Array.from({ length: 100 }, () => tokens.get("a/b")))).toEqual(Array(100).fill("t"));
  expect(await tokens.get("a/b")).toBe("t");
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a changed token counts once the old one is forgotten", async () => {
  let token: string | undefined = "old";
  const { tokens, pass } = rig(async () => token);
  await tokens.get("a/b");
  token = undefined;
  pass(99);
  expect(await tokens.get("a/b")).toBe("old");
  pass(1);
  expect(await tokens.get("a/b")).toBeUndefined();
});

test("that there is none is remembered too, and a failure", async () => {
  const { tokens, asked } = rig(async (key) => {
    if (key === "a/bad") throw new Error("503");
    return undefined;
  });
  for (let i = 0; i < 5; i++) {
    expect(await tokens.get("a/none")).toBeUndefined();
    await expect(tokens.get("a/bad")).rejects.toThrow("503");
  }
  expect(asked).toHaveBeenCalledTimes(2);
});

test("a lookup that hangs is given up and told to stop", async () => {
  const stopped = Promise.withResolvers<void>();
  const { tokens } = rig((_, signal) => {
    signal.addEventListener("abort", () => stopped.resolve());
    return new Promise(() => undefined);
  }, 5);
  await expect(tokens.get("a/b")).rejects.toThrow("the webhook token of a/b was not found within 5 ms");
  await stopped.promise;
});

test("remembers a bounded number of keys, the newest ones", async () => {
  const { tokens, asked } = rig(async (key) => key);
  for (let i = 0; i < 50; i++) await tokens.get(`a/${i}`);
  expect(tokens.size).toBe(3);
  await tokens.get("a/49");
  expect(asked).toHaveBeenCalledTimes(50);
});
