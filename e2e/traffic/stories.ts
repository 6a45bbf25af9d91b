import { until } from "../apps/until.ts";
import type { Kube } from "../harness/kube.ts";
import type { RolloutChoice } from "../harness/shopFiles.ts";
import { cursorOf, podsByVersion, untilRest, untilWeight } from "../harness/stories.ts";
import type { Life, Release } from "./life.ts";
import type { Setting } from "./settings.ts";

/** A hold that only a commit ends, as far as a test can tell. */
const FOR_GOOD = "10m";
const AT_ONCE = { scaleDownDelaySeconds: 0 };

type Story = (life: Life, kube: Kube) => Promise<void>;

const canary: Story = async (life, kube) => {
  const steps = (first: string, second: string, changes: RolloutChoice = {}): RolloutChoice => {
    const weights = [
      { weight: 25, hold: first },
      { weight: 50, hold: second },
    ];
    return life.rollout({ canary: weights, ...changes });
  };
  const pass = steps("1s", "1s");

  await adopt(life, pass);
  await life.row("canary, to its last step", () => released(life, steps("1s", "2s"), 50));
  await life.row("promotion", () => life.until("Promoted", async () => undefined));
  await life.revert("cancel, its pods starting", async () => {
    const release = await life.push(steps(FOR_GOOD, "1s"));
    await life.sees("a candidate", (rollout) => cursorOf(rollout, "candidate") !== undefined);
    return release;
  });
  await life.revert("cancel at 25 %", () => released(life, steps(FOR_GOOD, "1s"), 25));
  await life.revert("cancel at 50 %", () => released(life, steps("1s", FOR_GOOD), 50));
  await life.revert("cancel in the promotion", async () => {
    const release = await life.push(pass);
    await life.sees("its promotion", (rollout) => cursorOf(rollout, "stage") === "Switching");
    return release;
  });
  await life.rowAfter(
    "supersede at 25 %",
    () => released(life, steps(FOR_GOOD, "1s"), 25),
    () => life.until("Promoted", () => life.push(pass)),
  );
  await reject(life, steps("1m", "1s"));
  await rollBack(life, kube, pass, steps("1s", "1s", AT_ONCE));
  await handBack(life, kube, "hand back at 25 %", () => released(life, steps(FOR_GOOD, "1s"), 25));
};

const blueGreen: Story = async (life, kube) => {
  const blueGreen = (hold: string, watch: string, changes: RolloutChoice = {}): RolloutChoice =>
    life.rollout({ spec: { strategy: { blueGreen: { hold, watch } } }, ...changes });
  const pass = blueGreen("1s", "1s");

  await adopt(life, pass);
  await life.row("blue-green", () => life.until("Promoted", () => life.push(pass)));
  await life.revert("cancel before the switch", () => released(life, blueGreen(FOR_GOOD, "1s"), 0));
  await life.revert("cancel after the switch", () => released(life, blueGreen("1s", FOR_GOOD), 100));
  await reject(life, blueGreen("1m", "1s"));
  await rollBack(life, kube, pass, blueGreen("1s", "1s", AT_ONCE));
  await handBack(life, kube, "hand back at rest");
};

const rolling: Story = async (life, kube) => {
  const batches = (hold: string, changes: RolloutChoice = {}): RolloutChoice =>
    life.rollout({ rolling: { batch: 2, hold }, ...changes });
  const pass = batches("1s");

  await adopt(life, pass);
  await life.row("rolling", () => life.until("Promoted", () => life.push(pass)));
  await life.revert("cancel after the first batch", () => released(life, batches(FOR_GOOD), 50));
  // As long as it takes to see that it is there, and to push.
  await life.revert("cancel after the last batch", () => released(life, batches("3s"), 100));
  await reject(life, batches("1m"));
  await rollBack(life, kube, pass, batches("1s", AT_ONCE));
  await handBack(life, kube, "hand back after the first batch", () => released(life, batches(FOR_GOOD), 50));
};

/** What happens to a shop of each strategy, from its first day to its last. */
export const STORIES: Readonly<Record<Setting["strategy"], Story>> = { canary, blueGreen, rolling };

function adopt(life: Life, rollout: RolloutChoice): Promise<void> {
  return life.row("adopt", async () => {
    await life.shop.push({ rollout, message: "Roll out in steps" });
    await untilRest(life.shop, "Adopted");
  });
}

/** Pushes the next version and waits until it has a weight. */
async function released(life: Life, rollout: RolloutChoice, weight: number): Promise<Release> {
  const release = await life.push(rollout);
  await untilWeight(life.shop, weight);
  return release;
}

async function reject(life: Life, rollout: RolloutChoice): Promise<void> {
  const stable = await life.serving();
  life.judge(50);
  let sha = "";
  await life.row("reject", async () => {
    ({ sha } = await life.push(rollout));
    await life.shop.untilCondition("Stalled", "True", "Rejected");
    await life.load.untilOnly([stable]);
  });
  life.judge(100);
  // What is reverted next must not lead back to it.
  await life.shop.revert(sha);
  await life.shop.untilCondition("Ready", "True", "AtRest");
}

/** After a promotion, while the former pods are there, and when they have gone. */
async function rollBack(life: Life, kube: Kube, warm: RolloutChoice, cold: RolloutChoice): Promise<void> {
  const promoted = (rollout: RolloutChoice) => life.until("Promoted", () => life.push(rollout));
  await life.revert("roll back, warm", () => promoted(warm));
  await life.revert("roll back, cold", async () => {
    const release = await promoted(cold);
    await until("the pods of one version only", async (saw) => {
      const versions = [...(await podsByVersion(kube, life.shop)).keys()];
      saw(versions.join());
      return versions.join() === release.version ? true : undefined;
    });
    return release;
  });
}

/** Takes the ProgressiveRollout out of Git, and the candidate with it where there is one. */
async function handBack(
  life: Life,
  kube: Kube,
  what: string,
  come: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const { shop } = life;
  const version = await life.serving();
  await life.rowAfter(what, come, async () => {
    const sha = await shop.push({ version, rollout: null, message: "No steps any more" });
    await kube.waitGone(shop.rolloutRef, { timeoutMs: 60_000 });
    await shop.untilApplied(sha);
  });
  await life.rest("after the deletion");
}
