import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

test("so many run at a time, the others in turn, and who leaves takes no turn", async () => {
  const slots = new Slots(2);
  const log: string[] = [];
  const gates = new Map<string, () => void>();
  const run = (name: string, signal: AbortSignal) =>
    slots.use(signal, async () => {
      log.push(name);
      await new Promise<void>((resolve) => gates.set(name, resolve));
      return name;
    });
  const { signal } = new AbortController();
  const leaver = new AbortController();
  const all = [run("a", signal), run("b", signal), run("c", leaver.signal), run("d", signal)];
  leaver.abort(new Error("left"));
  await expect(all[2]).rejects.toThrow("left");
  expect(log).toEqual(["a", "b"]);
  gates.get("a")?.();
  await expect.poll(() => log).toEqual(["a", "b", "d"]);
  gates.get("b")?.();
  gates.get("d")?.();
  expect(await Promise.all([all[0], all[1], all[3]])).toEqual(["a", "b", "d"]);
  await expect(slots.use(AbortSignal.abort(new Error("late")), async () => 1)).rejects.toThrow("late");
  expect(await slots.use(signal, async () => 1)).toBe(1);
});
