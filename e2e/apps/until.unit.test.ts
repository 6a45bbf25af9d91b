import { expect, test } from "vitest";
import { until } from "./until.ts";

test("a value ends the wait", async () => {
  let looks = 0;
  const value = await until("the third look", () => (++looks === 3 ? "here" : undefined), { everyMs: 1 });
  expect([value, looks]).toEqual(["here", 3]);
});

test("false and 0 are values", async () => {
  expect(await until("false", () => false)).toBe(false);
  expect(await until("zero", () => 0)).toBe(0);
});

test("a timeout names what was waited for and what was seen last", async () => {
  const ready = until("2 ready pods", (saw) => saw("1 ready pod"), { timeoutMs: 20, everyMs: 2 });
  await expect(ready).rejects.toThrow("2 ready pods did not happen within 20 ms; last seen: 1 ready pod");
});

test("an error of the probe is what it saw, and the wait goes on", async () => {
  let looks = 0;
  const probe = () => {
    if (++looks < 3) throw new Error("refused");
    return "up";
  };
  expect(await until("the server", probe, { everyMs: 1 })).toBe("up");
  const fails = () => Promise.reject(new Error("refused"));
  await expect(until("the server", fails, { timeoutMs: 10, everyMs: 1 })).rejects.toThrow(
    "last seen: an error: refused",
  );
});

test("a probe that hangs is ended by the limit", async () => {
  const hangs = () => new Promise<string>(() => undefined);
  await expect(until("an answer", hangs, { timeoutMs: 10 })).rejects.toThrow("an answer did not happen within 10 ms");
});

test("the caller can call the wait off", async () => {
  const controller = new AbortController();
  const waiting = until("the end", () => undefined, { signal: controller.signal, everyMs: 60_000 });
  controller.abort();
  await expect(waiting).rejects.toThrow("the end was called off");
  await expect(until("the end", () => undefined, { signal: controller.signal })).rejects.toThrow("was called off");
});
