import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { abortable, Backoff, bounded, sleep } from "./signals.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("a scope ends with its parent, with the parent's reason", () => {
  const parent = new AbortController();
  using scope = bounded(parent.signal, 10_000);
  parent.abort(new Error("over"));
  expect([scope.signal.reason, scope.expired]).toEqual([new Error("over"), false]);
  using late = bounded(parent.signal, 10_000);
  expect(late.signal.aborted).toBe(true);
});

test("a scope ends by its limit, which may be set anew", async () => {
  const parent = new AbortController().signal;
  using scope = bounded(parent, 5_000);
  scope.restart(1);
  await expect(sleep(5_000, scope.signal)).rejects.toThrow("time limit");
  expect(scope.expired).toBe(true);
});

test("neither scopes nor waits leave a listener", async () => {
  const parent = new AbortController();
  for (let i = 0; i < 100; i++) {
    using scope = bounded(parent.signal, 10_000);
    await abortable(Promise.resolve(1), scope.signal);
    await sleep(0, parent.signal);
  }
  expect(listeners(parent.signal)).toBe(0);
});

test("a wait for a promise ends with the signal, and the promise's later failure is nobody's", async () => {
  const stop = new AbortController();
  const slow = Promise.withResolvers<void>();
  const waiting = abortable(slow.promise, stop.signal);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  const again = abortable(slow.promise, stop.signal);
  slow.reject(new Error("late"));
  await expect(again).rejects.toThrow("enough");
});

test("waits double up to their bound, each by half at least, and start small again", () => {
  const backoff = new Backoff(200, 30_000);
  for (const step of [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]) {
    const wait = backoff.next();
    expect(wait).toBeGreaterThanOrEqual(step / 2);
    expect(wait).toBeLessThanOrEqual(step);
  }
  for (let i = 0; i < 2_000; i++) backoff.next();
  expect(backoff.next()).toBeLessThanOrEqual(30_000);
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(200);
});
