import { expect, test, vi } from "vitest";
import { GitError } from "../../ports/git.ts";
import { Polls } from "./polls.ts";

const never = new AbortController().signal;

/** Questions that begin and end when the test says so. */
function rig(distanceMs = 0) {
  const asked: {
    begin: () => void;
    answer: (value: string) => void;
    fail: (error: Error) => void;
    signal: AbortSignal;
  }[] = [];
  const polls = new Polls<string>(distanceMs);
  const ask = (since: number, signal = never) =>
    polls.ask("main", since, signal, (shared, begin) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      asked.push({ begin, answer: resolve, fail: reject, signal: shared });
      shared.addEventListener("abort", () => reject(shared.reason));
      return promise;
    });
  return { ask, asked };
}

test("whoever comes before the remote is asked is asked for, too; whoever comes later wants a later answer", async () => {
  vi.useFakeTimers({ now: 1_000 });
  const { ask, asked } = rig();
  const [one, two] = [ask(900), ask(1_000)];
  vi.setSystemTime(1_010);
  asked[0]?.begin();
  const [early, late] = [ask(1_005), ask(1_010)];
  expect(asked).toHaveLength(2);
  asked[0]?.answer("first");
  expect(await Promise.all([one, two, early])).toEqual(Array(3).fill({ value: "first", askedAt: 1_010 }));
  vi.setSystemTime(1_020);
  asked[1]?.begin();
  asked[1]?.answer("second");
  expect(await late).toEqual({ value: "second", askedAt: 1_020 });
  expect(await ask(1_019)).toEqual({ value: "second", askedAt: 1_020 });
  // The clock is set back: an answer from the future is none.
  vi.setSystemTime(500);
  void ask(499);
  expect(asked).toHaveLength(3);
  vi.useRealTimers();
});

test("a failure of Git is an answer; a question that all have left, or a defect, is none", async () => {
  const { ask, asked } = rig();
  const since = Date.now() - 1_000;
  const failing = ask(since);
  asked[0]?.begin();
  asked[0]?.fail(new GitError("HostUnreachable", "down"));
  await expect(failing).rejects.toThrow("down");
  await expect(ask(since)).rejects.toThrow("down");
  expect(asked).toHaveLength(1);

  const leaving = new AbortController();
  const left = ask(Date.now(), leaving.signal);
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  expect(asked[1]?.signal.aborted).toBe(true);
  const broken = ask(Date.now());
  asked[2]?.begin();
  asked[2]?.fail(new TypeError("defect"));
  await expect(broken).rejects.toThrow("defect");
  void ask(since);
  expect(asked).toHaveLength(4);
});

test("those who come one by one, each wanting a newer answer, are answered by one question a while", async () => {
  vi.useFakeTimers({ now: 1_000 });
  const { ask, asked } = rig(300);
  const first = ask(999);
  expect(asked, "nobody has asked before").toHaveLength(1);
  asked[0]?.begin();
  asked[0]?.answer("first");
  await first;
  const later: Promise<unknown>[] = [];
  for (let n = 0; n < 29; n++) {
    await vi.advanceTimersByTimeAsync(10);
    later.push(ask(Date.now()));
  }
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(asked).toHaveLength(2);
  asked[1]?.begin();
  asked[1]?.answer("second");
  expect(await Promise.all(later)).toEqual(Array(29).fill({ value: "second", askedAt: 1_300 }));
  // The clock is set back by an hour: nobody waits for an hour.
  vi.setSystemTime(1_300 - 3_600_000);
  void ask(Date.now());
  await vi.advanceTimersByTimeAsync(300);
  expect(asked).toHaveLength(3);
  // A while later nobody waits at all.
  asked[2]?.begin();
  asked[2]?.answer("third");
  await vi.advanceTimersByTimeAsync(300);
  void ask(Date.now());
  expect(asked).toHaveLength(4);
  vi.useRealTimers();
});
