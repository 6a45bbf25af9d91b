import { expect, test } from "vitest";
import { pushHistory, type SyncHistoryEntry } from "./history.ts";

const entry = (revision: string, reason = "Applied", finishedAt = "t1"): SyncHistoryEntry => ({
  revision,
  outcome: reason === "Applied" ? "Applied" : "Failed",
  reason,
  finishedAt,
  durationMillis: 5,
  objects: 3,
});
const push = (...entries: readonly SyncHistoryEntry[]) => entries.reduce(pushHistory, [] as SyncHistoryEntry[]);
const told = (history: readonly SyncHistoryEntry[]) => history.map(({ revision, reason }) => `${revision} ${reason}`);

test.each([
  ["puts the newest first", [entry("a"), entry("b")], ["b Applied", "a Applied"]],
  ["folds a repeat", [entry("a"), entry("a")], ["a Applied"]],
  ["folds two failures that take turns", [entry("a", "X"), entry("a", "Y"), entry("a", "X")], ["a X", "a Y"]],
  ["keeps a failure before a success", [entry("a", "X"), entry("a")], ["a Applied", "a X"]],
  [
    "tells of a revision that comes back",
    [entry("a"), entry("b"), entry("a")],
    ["a Applied", "b Applied", "a Applied"],
  ],
])("%s", (_sentence, entries, lines) => {
  expect(told(push(...entries))).toEqual(lines);
});

test("a fold keeps the latest", () => {
  expect(push(entry("a", "X", "t1"), entry("a", "X", "t2"))).toMatchObject([{ finishedAt: "t2" }]);
});

test("keeps ten", () => {
  const many = push(...Array.from({ length: 14 }, (_, i) => entry(`r${i}`)));
  expect(many).toHaveLength(10);
  expect(many[0]?.revision).toBe("r13");
});

test("stays within the schema whatever a commit says", () => {
  const [one] = pushHistory(undefined, {
    ...entry("a"),
    subject: "x\n".repeat(300),
    author: "\u001b[31mme",
    durationMillis: 1e12,
  });
  expect(one).toMatchObject({ author: "[31mme", durationMillis: 86_400_000 });
  expect(one?.subject).toHaveLength(200);
});
