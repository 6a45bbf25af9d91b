import fc from "fast-check";
import type { JsonObject } from "../../../src/api/json.ts";

/** What people, Git and machines do to a rollout; versions are told by how many commits ago they were new. */
export type LiveMove =
  | { readonly do: "push" }
  | { readonly do: "goBack"; readonly commits: number }
  | { readonly do: "configure" }
  | { readonly do: "measure"; readonly answer: "pass" | "fail" | "no data" }
  | { readonly do: "pause"; readonly paused: boolean }
  | { readonly do: "freeze"; readonly frozen: boolean }
  | { readonly do: "fillQuota"; readonly full: boolean }
  | { readonly do: "approve" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "killOperator"; readonly afterWrites: number }
  | { readonly do: "losePod"; readonly pod: number };

/** A random life of one shop on the real cluster. */
export interface LiveStory {
  readonly strategy: string;
  readonly replicas: number;
  readonly moves: readonly LiveMove[];
}

const LOWERED = { stableCapacity: "Shared", maxSurge: 1 };

/** Short steps, so that a story meets many of them. */
export const LIVE_STRATEGIES: Readonly<Record<string, JsonObject>> = {
  "canary by pods": { canary: { steps: [{ weight: 34 }, { weight: 67 }] } },
  "canary by routes": { canary: { steps: [{ weight: 10 }, { weight: 50 }] } },
  "canary with an approval": { canary: { steps: [{ weight: 34 }, { approval: {} }, { weight: 67 }] } },
  "lowered canary by pods": { canary: { ...LOWERED, steps: [{ weight: 34 }, { weight: 67 }] } },
  "lowered canary by routes": { canary: { ...LOWERED, steps: [{ weight: 30 }, { weight: 60 }] } },
  rolling: { rolling: { batch: 1, hold: "0s" } },
  blueGreen: { blueGreen: { watch: "3s" } },
};

const just = <T extends string>(verb: T) => fc.constant(verb);
const move: fc.Arbitrary<LiveMove> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: just("push") }) },
  { weight: 3, arbitrary: fc.record({ do: just("goBack"), commits: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ do: just("wait"), ms: fc.integer({ min: 200, max: 5_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: just("configure") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: just("measure"),
      answer: fc.constantFrom<"pass" | "fail" | "no data">("pass", "pass", "fail", "no data"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: just("killOperator"), afterWrites: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ do: just("losePod"), pod: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: just("pause"), paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: just("freeze"), frozen: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: just("fillQuota"), full: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: just("approve") }) },
);

const story: fc.Arbitrary<LiveStory> = fc.record({
  strategy: fc.constantFrom(...Object.keys(LIVE_STRATEGIES)),
  replicas: fc.integer({ min: 2, max: 3 }),
  // A story begins with something new: the rest would have nothing to disturb.
  moves: fc.array(move, { minLength: 6, maxLength: 14 }).map((moves): LiveMove[] => [{ do: "push" }, ...moves]),
});

/** The stories of a seed, always the same. */
export function liveStories(count: number, seed: number): readonly LiveStory[] {
  return fc.sample(story, { numRuns: count, seed });
}

/** A move in a few words. */
export function described({ do: verb, ...rest }: LiveMove): string {
  return [verb, ...Object.values(rest)].join(" ");
}
