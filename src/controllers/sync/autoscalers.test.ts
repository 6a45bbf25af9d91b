import { expect, it, vi } from "vitest";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";
import { watchAutoscalers } from "./autoscalers.ts";

it("E24: starts without the autoscalers of the cluster where a role does not let them be listed, and says so", async () => {
  vi.useFakeTimers();
  try {
    const cache = { synced: false } as ObjectCache;
    const never: Watcher = {
      watch: () => cache,
      untilSynced: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    };
    const timeout = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
      const limit = new AbortController();
      setTimeout(() => limit.abort(new Error("late")), ms);
      return limit.signal;
    });
    const unseen = vi.fn();
    const watched = watchAutoscalers(never, unseen, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(watched).resolves.toBe(cache);
    expect(unseen).toHaveBeenCalledOnce();
    timeout.mockRestore();
  } finally {
    vi.useRealTimers();
  }
});
