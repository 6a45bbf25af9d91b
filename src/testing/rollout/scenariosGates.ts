import type { Turn } from "../../core/rollout/turns.ts";
import type { Happening } from "./simulate.ts";
import { BASE, JUDGED, push, type Scenario, world } from "./words.ts";

function turn(at: number, what: string, now: Turn | undefined): Happening {
  return { at, what, act: (w) => Object.assign(w, { turn: now }) };
}

const afterApi: Turn = { limit: 1, underWay: ["api"], ahead: 1, behind: "shop" };

/** What holds a rollout from outside of it. */
export const gateScenarios: readonly Scenario[] = [
  {
    name: "its-turn-comes",
    world: world(BASE),
    happenings: [
      turn(14, "api is under way and shop waits", afterApi),
      push(15, "v2"),
      turn(20, "api has ended, shop is under way", { limit: 1, underWay: ["shop"], ahead: 0 }),
      turn(30, "shop has ended", { limit: 1, underWay: [], ahead: 0 }),
      turn(40, "the platform team stops new rollouts", { limit: 0, underWay: [], ahead: 0 }),
    ],
    seconds: 90,
  },
  {
    name: "turn-not-needed-to-go-back",
    world: world(JUDGED),
    happenings: [
      push(15, "v2"),
      turn(60, "the platform team stops new rollouts", { limit: 0, underWay: [], ahead: 0 }),
      push(61, "v3"),
      push(65, "v1", "revert to"),
    ],
    seconds: 90,
  },
];
