import { afterAll, describe, expect, test } from "vitest";
import { KILL_DIRECTIONS, KILL_STRATEGIES, type Kill, leftBehind, Play } from "../../testing/rollout/kills.ts";

/** Back at once, when the cluster has moved on, and when the deadlines of everything are over. */
const AWAY_MS = [0, 6_000, 40_000];
/** How many writes each life has, of an operator that never stops dying. */
const LIVES = [1, 2, 3];

const cells = Object.keys(KILL_STRATEGIES).flatMap((strategy) =>
  Object.keys(KILL_DIRECTIONS).map((direction) => [strategy, direction] as const),
);
const table: object[] = [];
afterAll(() => console.table(table));

describe("P31: an operator killed between any two of its writes", () => {
  test.each(cells)(
    "%s, %s: all ends as undisturbed, and nothing that serves is stopped",
    async (strategy, direction) => {
      const play = async (kill?: Kill): Promise<Play> => {
        const it = new Play(KILL_STRATEGIES[strategy] ?? {}, kill);
        await KILL_DIRECTIONS[direction]?.(it);
        return it;
      };
      const calm = await play();
      const writes = calm.writes.length;
      expect(writes).toBeGreaterThan(4);
      const once = AWAY_MS.flatMap((awayMs) =>
        calm.writes.map((_write, index): Kill => ({ at: index + 1, again: false, awayMs })),
      );
      const again = LIVES.map((at): Kill => ({ at, again: true, awayMs: 0 }));
      let deaths = 0;
      for (const kill of [...once, ...again]) {
        const where = `${JSON.stringify(kill)}, where the undisturbed one writes ${calm.writes[kill.at - 1]}`;
        const disturbed = await play(kill).catch((cause: unknown) => {
          throw new Error(where, { cause });
        });
        expect(disturbed.deaths, where).toBeGreaterThanOrEqual(kill.again ? 2 : 1);
        expect(leftBehind(disturbed), where).toEqual(leftBehind(calm));
        deaths += disturbed.deaths;
      }
      table.push({ strategy, direction, writes, stories: once.length + again.length, deaths });
    },
  );
});
