import { expect, test } from "vitest";
import type { Effect } from "../../core/rollout/effects.ts";
import { BASE } from "../../testing/rollout/words.ts";
import { SimWorld } from "../../testing/rollout/world.ts";
import type { Observed } from "./reconcile.ts";
import { reconcileRollout } from "./reconcile.ts";

/** A world in which stopping the candidate fails, once. */
class Refusing extends SimWorld {
  refused: string | undefined;
  #trouble: string | undefined;

  override async execute(observed: Observed, effect: Effect): Promise<void> {
    if (effect.do === "ScaleRevision" && effect.replicas === 0 && this.refused === undefined) {
      this.refused = "the API server is away";
      throw new Error(this.refused);
    }
    return super.execute(observed, effect);
  }

  override observe(): Observed | undefined {
    const observed = super.observe();
    return observed === undefined || this.#trouble === undefined ? observed : { ...observed, trouble: this.#trouble };
  }

  override trouble(_observed?: Observed, message?: string): boolean {
    const before = this.#trouble;
    this.#trouble = message;
    return before !== message;
  }

  override isFatal(): boolean {
    return false;
  }
}

test("a rollout whose last write fails has ended once, and the failure is told", async () => {
  const world = new Refusing({ template: "v1", replicas: 2, spec: BASE });
  const { signal } = new AbortController();
  const messages: string[] = [];
  for (let second = 0; second < 60; second++) {
    if (second === 15) world.push("v2");
    if (second === 25) world.push("v1");
    for (let look = 0; look < 20; look++) {
      await reconcileRollout(world, "shop/web", () => world.now, signal).catch(() => undefined);
      messages.push(world.status.conditions?.find(({ type }) => type === "Ready")?.message ?? "");
    }
    world.pass(1_000);
  }
  expect(world.refused).toBeDefined();
  expect(world.status.history?.map(({ outcome }) => outcome)).toEqual(["Cancelled", "Adopted"]);
  expect(messages.filter((message) => message.includes("the API server is away"))).not.toEqual([]);
});
