import { expect, test, vi } from "vitest";
import { GitError } from "../../ports/git.ts";
import { Polls } from "./polls.ts";

const never = new AbortController().signal;

/** Questions that begin and end when the test says so. */
function rig() {
  const asked: {
    begin: () => void;
    answer: (value: string) => void;
    fail: (error: Error) => void;
    signal: AbortSignal;
  }[] = [];
  const polls = new Polls<string>();
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
