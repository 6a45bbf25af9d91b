import fc from "fast-check";
import { expect, test } from "vitest";
import { play, schedule } from "../../testing/faults/schedule.ts";
import { MemoryStore } from "../../testing/memoryApi/store.ts";
import { SEED } from "../../testing/seed.ts";

const RUNS = Number(process.env["FAIRLEAD_FAULT_RUNS"] ?? 300);

type Schedule = Parameters<typeof play>[0];

/** All objects at the path of "a", but for some. */
const layout = (others: Readonly<Record<number, "b" | "nowhere">> = {}): Schedule["last"] =>
  Array.from({ length: 8 }, (_, index) => [others[index] ?? "a", 1] as const) as unknown as Schedule["last"];

/** The same with one object changed. */
const changed = (which: number): Schedule["last"] =>
  layout().map(([at, version], index) => [at, index === which ? 2 : version]) as unknown as Schedule["last"];

/** Schedules that found something, as they were shrunk. */
const FOUND: readonly (readonly [what: string, schedule: Schedule])[] = [
  [
    "an object that was put back just before a crash, and is dropped",
    {
      first: layout(),
      moves: [
        { do: "trouble", fates: ["Fine", "KillBefore", "Refused"] },
        { do: "git", down: true },
        { do: "meddle", what: "Delete", index: 7 },
        { do: "pass", seconds: 0 },
      ],
      last: layout({ 1: "nowhere" }),
    },
  ],
  [
    "an object whose new sync cannot store its plan",
    {
      first: layout(),
      moves: [
        { do: "lag", seconds: 100, gap: false },
        { do: "push", layout: layout({ 5: "b" }), hook: true, confirmed: false, onto: 0 },
        { do: "trouble", fates: ["Lost", "Fine"] },
        { do: "pass", seconds: 70 },
        { do: "break", at: "a", how: "Broken", hook: false },
      ],
      last: layout(),
    },
  ],
  [
    "two syncs that exchange objects and cannot take them over yet",
    {
      first: layout({ 5: "b" }),
      moves: [
        { do: "restart" },
        { do: "push", layout: layout({ 4: "b" }), hook: false, confirmed: false, onto: 0 },
        { do: "lists", fail: true },
        { do: "pass", seconds: 0 },
        { do: "lists", fail: false },
      ],
      last: layout(),
    },
  ],
  [
    "an object that comes back with a commit that is refused for now",
    {
      first: layout(),
      moves: [
        { do: "trouble", fates: ["Lost"] },
        { do: "push", layout: layout({ 7: "b" }), hook: true, confirmed: false, onto: 0 },
        { do: "lag", seconds: 1, gap: false },
        { do: "pass", seconds: 1 },
        { do: "push", layout: changed(5), hook: true, confirmed: false, onto: 0 },
        { do: "trouble", fates: ["Refused"] },
        { do: "pass", seconds: 0 },
        { do: "break", at: "a", how: "Broken", hook: false },
      ],
      last: layout(),
    },
  ],
  [
    "a commit that lets nearly everything go, of which a part cannot be read at first",
    {
      first: [..."babbaabb"].map((at) => [at, 1]) as unknown as Schedule["last"],
      moves: [
        { do: "trouble", fates: ["KillAfter", "Fine"] },
        { do: "trouble", fates: ["Refused", "Fine"] },
        { do: "push", layout: layout({ 4: "b" }), hook: false, confirmed: false, onto: 0 },
        { do: "trouble", fates: ["Fine", "Refused"] },
        { do: "break", at: "a", how: "Empty", hook: true },
        { do: "pass", seconds: 0 },
        { do: "push", layout: layout(), hook: false, confirmed: false, onto: 0 },
      ],
      last: layout(),
    },
  ],
];

test.each(FOUND)("%s", (_, schedule) => play(schedule, new MemoryStore(), "shop"));

test(`${RUNS} random schedules of faults delete nothing that is wanted, leave no orphan, and end as Git says (seed ${SEED})`, async () => {
  console.log(`faults: ${RUNS} schedules, seed ${SEED}; repeat with FAIRLEAD_SEED=${SEED}`);
  const property = fc.asyncProperty(schedule, (one) => play(one, new MemoryStore(), "shop"));
  await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: false });
  expect(RUNS).toBeGreaterThan(0);
});
