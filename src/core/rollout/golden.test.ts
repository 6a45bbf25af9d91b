import { expect, test } from "vitest";
import { scenarios } from "../../testing/rollout/scenarios.ts";
import { simulate } from "../../testing/rollout/simulate.ts";

test.each(scenarios)("$name reads as its golden log tells", async ({ name, world, happenings, seconds }) => {
  await expect(await simulate(world(), happenings, seconds)).toMatchFileSnapshot(`testdata/${name}.golden`);
});
