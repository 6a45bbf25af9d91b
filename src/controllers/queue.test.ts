import { expect, test } from "vitest";
import type { Key } from "../api/objects.ts";
import { FakeTime, settle } from "../testing/fakeTime.ts";
import { KeyedQueue, type QueueHandler, type QueueOptions, type RunRecord } from "./queue.ts";

function rig(
  handler: QueueHandler,
  options: QueueOptions = {},
): { queue: KeyedQueue; time: FakeTime; records: RunRecord[] } {
  const time = new FakeTime();
  const records: RunRecord[] = [];
  const queue = new KeyedQueue(handler, {
    clock: time.clock,
    schedule: time.schedule,
    random: () => 1,
    onRun: (record) => records.push(record),
    ...options,
  });
  return { queue, time, records };
}

/** A handler whose runs end when the test says so. */
function gated(): { handler: QueueHandler; runs: Key[]; open: (key: Key) => void } {
  const gates = new Map<Key, () => void>();
  const runs: Key[] = [];
  return {
    runs,
    handler: (key) => {
      runs.push(key);
      return new Promise((resolve) => gates.set(key, resolve));
    },
    open: (key) => gates.get(key)?.(),
  };
}

test("a key that is added often runs once", async () => {
  const runs: Key[] = [];
  const { queue } = rig(async (key) => void runs.push(key));
  for (let i = 0; i < 5; i++) queue.add("shop/a");
  expect(runs).toEqual([]);
  await settle();
  expect(runs).toEqual(["shop/a"]);
});

test("a key never runs twice at a time, and runs again when it was added during its run", async () => {
  const { handler, runs, open } = gated();
  const { queue } = rig(handler);
  queue.add("shop/a");
  await settle();
  queue.add("shop/a");
  queue.add("shop/a");
  await settle();
  expect(runs).toHaveLength(1);
  expect(queue.depth).toBe(1);
  open("shop/a");
  await settle();
  expect(runs).toHaveLength(2);
  open("shop/a");
  await settle();
  expect(runs).toHaveLength(2);
  expect(queue.running).toBe(0);
});

test("no more keys run at a time than there are workers, in the order they came", async () => {
  const { handler, runs, open } = gated();
  const { queue } = rig(handler, { workers: 2 });
  for (const key of ["shop/a", "shop/b", "shop/c", "shop/d"] as const) queue.add(key);
  await settle();
  expect(runs).toEqual(["shop/a", "shop/b"]);
  open("shop/b");
  await settle();
  expect(runs).toEqual(["shop/a", "shop/b", "shop/c"]);
});

test("the earliest time wins, and one timer serves all keys", async () => {
  const runs: string[] = [];
  const { queue, time } = rig(async (key) => void runs.push(`${time.clock.monotonic()} ${key}`));
  queue.addAfter("shop/a", 500);
  queue.addAfter("shop/b", 300);
  queue.addAfter("shop/a", 100);
  queue.addAfter("shop/a", 900);
  expect(time.timers).toBe(1);
  await time.pass(1_000);
  expect(runs).toEqual(["100 shop/a", "300 shop/b"]);
  expect(queue.delayed).toBe(0);
});

test("a thousand times in any order come in order", async () => {
  const at: number[] = [];
  const { queue, time } = rig(async () => void at.push(time.clock.monotonic()), { workers: 1_000 });
  for (let i = 0; i < 1_000; i++) queue.addAfter(`shop/${i}`, 1 + ((i * 7919) % 1_000));
  await time.pass(1_000);
  expect(at).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
});

test("a time of its own is kept when the key runs before it", async () => {
  const runs: number[] = [];
  const { queue, time } = rig(async () => void runs.push(time.clock.monotonic()));
  queue.addAfter("shop/a", 100);
  queue.add("shop/a");
  await time.pass(200);
  expect(runs).toEqual([0, 100]);
});

test("a time that is no time means now", async () => {
  const runs: Key[] = [];
  const { queue, time } = rig(async (key) => void runs.push(key));
  queue.addAfter("shop/a", 0);
  queue.addAfter("shop/b", -5);
  queue.addAfter("shop/c", Number.NaN);
  await settle();
  expect(runs).toHaveLength(3);
  expect(time.timers).toBe(0);
});

test("a time beyond what a timer can hold is waited for in parts", async () => {
  const runs: number[] = [];
  const { queue, time } = rig(async () => void runs.push(time.clock.monotonic()));
  const far = 2 ** 31 + 5_000;
  queue.addAfter("shop/a", far);
  await time.pass(2 ** 31 - 1);
  expect(runs).toEqual([]);
  await time.pass(10_000);
  expect(runs).toEqual([far]);
  expect(Math.max(...time.asked)).toBeLessThan(2 ** 31);
});

test("a failing key backs off to a bound, and starts small again after a success", async () => {
  let fails = true;
  const { queue, time, records } = rig(
    async () => {
      if (fails) throw new Error("no");
    },
    { minBackoffMs: 200, maxBackoffMs: 1_000 },
  );
  queue.add("shop/a");
  await time.pass(5_000);
  expect(records.map(({ retryInMs }) => retryInMs).slice(0, 5)).toEqual([200, 400, 800, 1_000, 1_000]);
  fails = false;
  await time.pass(1_000);
  expect(records.at(-1)).toMatchObject({ outcome: "Done" });
  fails = true;
  queue.add("shop/a");
  await settle();
  expect(records.at(-1)).toMatchObject({ outcome: "Failed", retryInMs: 200 });
});

test("jitter takes up to half of a wait", async () => {
  const { queue, records } = rig(() => Promise.reject(new Error("no")), { random: () => 0 });
  queue.add("shop/a");
  await settle();
  expect(records[0]?.retryInMs).toBe(100);
});

test("a handler that throws at once fails like any other", async () => {
  const { queue, records } = rig(() => {
    throw new Error("at once");
  });
  queue.add("shop/a");
  await settle();
  expect(records).toMatchObject([{ outcome: "Failed", error: new Error("at once") }]);
});

test("a failing key does not hold up others", async () => {
  const runs: Key[] = [];
  const { queue } = rig(
    async (key) => {
      runs.push(key);
      if (key === "shop/a") throw new Error("no");
    },
    { workers: 1 },
  );
  queue.add("shop/a");
  queue.add("shop/b");
  await settle();
  expect(runs).toEqual(["shop/a", "shop/b"]);
});

test("an event cuts a backoff short", async () => {
  const { queue, records } = rig(() => Promise.reject(new Error("no")));
  queue.add("shop/a");
  await settle();
  queue.add("shop/a");
  await settle();
  expect(records).toHaveLength(2);
});

test("a drain starts nothing more and waits for what runs", async () => {
  const { handler, runs, open } = gated();
  const { queue, time } = rig(handler, { workers: 1 });
  queue.add("shop/a");
  queue.add("shop/b");
  queue.addAfter("shop/c", 100);
  await settle();
  const drained = queue.drain(new AbortController().signal);
  queue.add("shop/d");
  queue.add("shop/a");
  await time.pass(1_000);
  expect(time.timers).toBe(0);
  open("shop/a");
  expect(await drained).toBe("Drained");
  await settle();
  expect(runs).toEqual(["shop/a"]);
});

test("a drain whose time is over aborts the handlers and waits no longer", async () => {
  let told: unknown;
  const { queue } = rig((_key, signal) => {
    signal.addEventListener("abort", () => {
      told = signal.reason;
    });
    return new Promise(() => undefined);
  });
  queue.add("shop/a");
  await settle();
  const stop = new AbortController();
  const drained = queue.drain(stop.signal);
  stop.abort("grace is over");
  expect(await drained).toBe("Abandoned");
  expect(told).toBe("grace is over");
});

test("a drain of an idle queue ends at once", async () => {
  expect(await rig(async () => undefined).queue.drain(new AbortController().signal)).toBe("Drained");
});

test("the machine's own timers work too", async () => {
  const done = Promise.withResolvers<Key>();
  const queue = new KeyedQueue(async (key) => done.resolve(key));
  queue.addAfter("shop/a", 1);
  expect(await done.promise).toBe("shop/a");
});
