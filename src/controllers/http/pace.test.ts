import { describe, expect, it } from "vitest";
import type { Key } from "../../api/objects.ts";
import { Debounce, RateBound } from "./pace.ts";

function time() {
  let now = 5;
  return {
    clock: { now: () => now, monotonic: () => now },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe("RateBound", () => {
  it("lets the budget through at once, and then one for each part of the period", () => {
    const { clock, pass } = time();
    const bound = new RateBound(3, 3_000, clock);
    expect([1, 2, 3, 4, 5].map(() => bound.take("a/b"))).toEqual([0, 0, 0, 1_000, 1_000]);
    pass(400);
    expect(bound.take("a/b")).toBe(600);
    pass(600);
    expect([bound.take("a/b"), bound.take("a/b")]).toEqual([0, 1_000]);
    pass(60_000);
    expect([1, 2, 3, 4].map(() => bound.take("a/b"))).toEqual([0, 0, 0, 1_000]);
  });

  it("keeps keys apart", () => {
    const bound = new RateBound(1, 1_000, time().clock);
    expect([bound.take("a/b"), bound.take("a/c"), bound.take("a/b")]).toEqual([0, 0, 1_000]);
  });

  it("forgets keys whose budget is full again", () => {
    const { clock, pass } = time();
    const bound = new RateBound(10, 1_000, clock);
    for (let i = 0; i < 100; i++) bound.take(`a/${i}`);
    expect(bound.size).toBe(100);
    pass(1_000);
    bound.take("a/b");
    expect(bound.size).toBe(1);
  });
});

describe("Debounce", () => {
  function rig() {
    const told: Key[] = [];
    const timers = new Set<() => void>();
    const debounce = new Debounce(
      (key) => told.push(key),
      1_000,
      (callback) => {
        timers.add(callback);
        return () => timers.delete(callback);
      },
    );
    const end = (): void => {
      const due = [...timers];
      timers.clear();
      for (const callback of due) callback();
    };
    return { debounce, told, end, timers };
  }

  it("tells a single key once, at once, and keeps nothing of it", () => {
    const { debounce, told, end } = rig();
    debounce.add("git", "a/b");
    expect(told).toEqual(["a/b"]);
    end();
    expect(told).toEqual(["a/b"]);
    expect(debounce.size).toBe(0);
  });

  it("tells a burst at its start and once at the end of the window", () => {
    const { debounce, told, end } = rig();
    for (let i = 0; i < 50; i++) debounce.add("git", "a/b");
    expect(told).toEqual(["a/b"]);
    end();
    expect(told).toEqual(["a/b", "a/b"]);
    end();
    expect(told).toEqual(["a/b", "a/b"]);
  });

  it("tells a stream once in each window", () => {
    const { debounce, told, end } = rig();
    for (let i = 0; i < 5; i++) {
      debounce.add("git", "a/b");
      debounce.add("git", "a/b");
      end();
    }
    expect(told).toHaveLength(6);
  });

  it("takes the keys of one group together, and loses none", () => {
    const { debounce, told, end } = rig();
    for (const key of ["a/b", "a/c", "a/d", "a/c"] as const) debounce.add("git", key);
    expect(told).toEqual(["a/b"]);
    end();
    expect(told).toEqual(["a/b", "a/c", "a/d"]);
  });

  it("keeps groups apart and drops what is due when it is closed", () => {
    const { debounce, told, end, timers } = rig();
    for (const key of ["a/b", "a/c", "a/b"] as const) debounce.add(key, key);
    expect(told).toEqual(["a/b", "a/c"]);
    debounce.close();
    expect(timers.size).toBe(0);
    end();
    expect(told).toHaveLength(2);
  });
});
