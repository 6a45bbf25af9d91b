import { expect, test } from "vitest";
import { textOf } from "./because.ts";
import { type Contender, type Limit, limitOf, turns, waitsFor } from "./turns.ts";

const running = (name: string): Contender => ({ name, underWay: true });
const waiting = (name: string, second: number): Contender => ({
  name,
  underWay: false,
  waitingSince: new Date(second * 1_000).toISOString(),
});
const resting = (name: string): Contender => ({ name, underWay: false });

/** What a rollout waits for, in words; "starts" where nothing holds it. */
function said(name: string | undefined, limit: Limit, ...contenders: readonly Contender[]): string {
  const turn = turns(contenders, limit).get(name);
  if (turn === undefined) throw new Error(`${name} has no place`);
  const why = waitsFor(turn);
  return why === undefined ? "starts" : textOf(why);
}

test.each<[string, string | undefined, Limit, readonly Contender[], string]>([
  ["starts where nobody is under way", undefined, 1, [resting("api")], "starts"],
  ["starts beside others below the limit", undefined, 2, [running("api")], "starts"],
  [
    "waits for the one under way, by its name",
    undefined,
    1,
    [running("api")],
    "at most 1 rollout of this namespace at once: api under way; goes on when one of them ends; a revert waits for nothing",
  ],
  [
    "names five of many",
    undefined,
    6,
    ["f", "e", "d", "c", "b", "a"].map(running),
    "at most 6 rollouts of this namespace at once: a, b, c, d, e and 1 more under way; goes on when one of them ends; a revert waits for nothing",
  ],
  [
    "leaves the free place to one that waits longer",
    undefined,
    2,
    [running("api"), waiting("web", 5)],
    "at most 2 rollouts of this namespace at once: web is before this one; goes on when its turn comes; a revert waits for nothing",
  ],
  ["lets the one that waits longest start", "web", 2, [running("api"), waiting("web", 5), waiting("job", 6)], "starts"],
  [
    "lets as many start as there are places",
    "job",
    3,
    [running("api"), waiting("web", 5), waiting("job", 6)],
    "starts",
  ],
  [
    "names the one right before it, not the first",
    "c",
    1,
    [running("api"), waiting("a", 1), waiting("b", 2), waiting("c", 3)],
    "at most 1 rollout of this namespace at once: b is before this one; goes on when its turn comes; a revert waits for nothing",
  ],
  [
    "breaks ties by name",
    "b",
    1,
    [waiting("b", 1), waiting("a", 1)],
    "at most 1 rollout of this namespace at once: a is before this one; goes on when its turn comes; a revert waits for nothing",
  ],
  [
    "starts nothing at a limit of 0",
    undefined,
    0,
    [],
    "at most 0 rollouts of this namespace at once; goes on when fairlead.dev/max-rollouts of the namespace is raised; a revert waits for nothing",
  ],
  [
    "starts nothing where the limit cannot be read",
    undefined,
    "Invalid",
    [],
    "the namespace's annotation fairlead.dev/max-rollouts is no whole number, so nothing starts; correct it; a revert waits for nothing",
  ],
])("%s", (_, name, limit, contenders, expected) => {
  expect(said(name, limit, ...contenders)).toBe(expected);
});

test.each<[string | undefined, number | undefined, Limit | undefined]>([
  [undefined, undefined, undefined],
  [undefined, 3, 3],
  ["2", 3, 2],
  ["0", undefined, 0],
  ["9999", undefined, 9999],
  ["two", 3, "Invalid"],
  ["", 3, "Invalid"],
  ["-1", 3, "Invalid"],
  ["1.5", 3, "Invalid"],
  ["10000", 3, "Invalid"],
])("an annotation %j and a default of %j give %j", (annotation, fallback, limit) => {
  expect(limitOf(annotation, fallback)).toBe(limit);
});
