import { setTimeout as sleep } from "node:timers/promises";
import { type JsonObject, sameJson, stringify } from "../../../src/api/json.ts";
import type { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import { until } from "../../apps/until.ts";
import { GATEWAY_TARGET, type Gateways } from "../gateway.ts";
import { conditionOf } from "../kube.ts";
import type { RunningLoad } from "../load.ts";
import { deleteNamespace } from "../namespaces.ts";
import type { Reaper } from "../reaper.ts";
import { routeFile } from "../routes.ts";
import type { Scene } from "../scene.ts";
import type { Shop } from "../shop.ts";
import type { RolloutChoice } from "../shopFiles.ts";
import { cursorOf, underLoad, untilRest } from "../stories.ts";
import { described, LIVE_STRATEGIES, type LiveMove, type LiveStory } from "./moves.ts";
import { Witness } from "./witness.ts";
import { fillQuota, liveFiles, losePod, NEIGHBOUR, podsInWords, stableOf, type Wanted } from "./world.ts";

/** What stories are played on; several may be played on one at the same time. */
export interface LiveStage {
  readonly scene: Scene;
  readonly gateways: Gateways;
  readonly prometheus: ScriptedPrometheus;
  readonly reaper: Reaper;
}

const LONG = { timeoutMs: 300_000 };
/** Pods serve on for long enough after SIGTERM for a busy machine to hear of it. */
const env = { GRACE: "10s" } as const;
const LATE = { routes: "1s", endpoints: "1s" } as const;

/** Plays a story under load; gives what it broke, which should be nothing. A request that fails rejects. */
export async function playLive(stage: LiveStage, story: LiveStory, rate: number): Promise<readonly string[]> {
  const life = await Life.open(stage, story);
  const target = isRouted(story) ? { target: GATEWAY_TARGET } : {};
  try {
    await underLoad(stage.scene, life.shop, `live: ${told(story)}`, (load) => life.live(load), { rate, ...target });
  } finally {
    await life.end();
  }
  // The next one needs the room.
  await deleteNamespace(stage.scene.kube, life.shop.namespace);
  return life.violations;
}

/** A story in one line. */
export function told({ strategy, replicas, moves }: LiveStory): string {
  return `${strategy}, ${replicas} replicas: ${moves.map(described).join("; ")}`;
}

function isRouted({ strategy }: LiveStory): boolean {
  return strategy.endsWith("routes");
}

class Life {
  readonly shop: Shop;
  readonly #stage: LiveStage;
  readonly #story: LiveStory;
  readonly #witness: Witness;
  /** What commits said of the pods, in their order; the last one is what Git says. */
  readonly #commits: Wanted[] = [{ version: "v1", setting: "s1" }];
  #newest = 1;
  #spec: JsonObject;

  private constructor(stage: LiveStage, story: LiveStory, shop: Shop, spec: JsonObject) {
    this.#stage = stage;
    this.#story = story;
    this.shop = shop;
    this.#spec = spec;
    this.#witness = new Witness(shop, stage.prometheus);
  }

  get violations(): readonly string[] {
    const { violations, looks } = this.#witness;
    return looks > 10 ? violations : [`the witness had ${looks} looks only`];
  }

  static async open(stage: LiveStage, story: LiveStory): Promise<Life> {
    const { scene, gateways } = stage;
    const routed = isRouted(story);
    const routes = routed ? { routeRefs: [{ name: "web" }] } : {};
    const spec = { strategy: LIVE_STRATEGIES[story.strategy] ?? {}, progressDeadlineSeconds: 60, ...routes };
    // To ask Git each second takes a processor from the rest; pushes are told.
    const interval = "30s";
    const shop = await scene.shop({ version: "v1", replicas: story.replicas, env, webhook: true, interval });
    const life = new Life(stage, story, shop, spec);
    const files = {
      ...life.#filesOf({ version: "v1", setting: "s1" }),
      ...(routed ? { "deploy/route.yaml": routeFile("web") } : {}),
    };
    await shop.push({ rollout: life.#choice(), files });
    await untilRest(shop, "Adopted", LONG);
    if (routed) await gateways.serve(shop.namespace, LATE);
    return life;
  }

  async live(load: RunningLoad): Promise<void> {
    for (const move of this.#story.moves) await this.#make(move);
    this.#witness.answer("pass");
    await this.#make({ do: "fillQuota", full: false });
    await this.#change({ paused: false, freezes: [] }, "Go on");
    // Whatever is stable by now stays: the way to it is a cancellation, a rollback, or nothing at all.
    const stable = await stableOf(this.#stage.scene.kube, this.shop);
    await this.#push(stable);
    await this.#untilAt(stable);
    await load.untilOnly([stable.version], LONG);
  }

  end(): Promise<void> {
    return this.#witness[Symbol.asyncDispose]();
  }

  async #make(move: LiveMove): Promise<void> {
    const { scene, reaper } = this.#stage;
    switch (move.do) {
      case "push":
        this.#newest += 1;
        return this.#push({ ...this.#wanted, version: `v${this.#newest}` });
      case "configure":
        this.#newest += 1;
        return this.#push({ ...this.#wanted, setting: `s${this.#newest}` });
      case "goBack":
        return this.#push(this.#commits.at(-1 - move.commits) ?? this.#commits[0] ?? this.#wanted);
      case "measure":
        return this.#witness.answer(move.answer);
      case "pause":
        return this.#change({ paused: move.paused }, move.paused ? "Pause" : "Go on");
      case "freeze":
        return this.#change({ freezes: move.frozen ? [{ reason: "a story" }] : [] }, "Freeze, or thaw");
      case "approve":
        return this.#approve();
      case "wait":
        // Time is what the move is about, not a wait for something.
        return sleep(move.ms);
      case "killOperator":
        return reaper.killAfter(move.afterWrites);
      case "losePod":
        return losePod(scene.kube, this.shop, move.pod);
      case "fillQuota":
        return fillQuota(scene.kube, this.shop.namespace, move.full);
    }
  }

  /** What Git says. */
  get #wanted(): Wanted {
    return this.#commits.at(-1) ?? { version: "v1", setting: "s1" };
  }

  async #push(wanted: Wanted): Promise<void> {
    // Git takes no commit that changes nothing.
    if (sameJson({ ...wanted }, { ...this.#wanted })) return;
    this.#commits.push(wanted);
    const { version, setting } = wanted;
    const message = `${version} with ${setting}, commit ${this.#commits.length}`;
    await this.shop.push({ version, files: this.#filesOf(wanted), message });
  }

  async #change(spec: JsonObject, message: string): Promise<void> {
    const next = { ...this.#spec, ...spec };
    if (sameJson(next, this.#spec)) return;
    this.#spec = next;
    await this.shop.push({ rollout: this.#choice(), files: this.#filesOf(this.#wanted), message });
  }

  async #approve(): Promise<void> {
    const candidate = cursorOf(await this.shop.rollout(), "candidate");
    if (candidate === undefined) return;
    this.#witness.approves(candidate);
    await this.#change({ approvedRevision: candidate }, "Approve");
  }

  #filesOf(wanted: Wanted): Readonly<Record<string, string>> {
    const { replicas } = this.#story;
    return liveFiles(this.shop.namespace, wanted, this.#stage.scene.images.shop, { replicas, env });
  }

  #choice(): RolloutChoice {
    const metrics = [{ name: "errors", successRate: { min: 99 }, failures: 2 }];
    const analysis = { prometheus: { address: this.#stage.prometheus.address }, deadline: "10s", metrics };
    return { spec: this.#spec, analysis, settleSeconds: 2, scaleDownDelaySeconds: 2 };
  }

  /** At rest as Git says: as many pods of what is wanted as Git says and no other, of the other rollout too. */
  async #untilAt({ version, setting }: Wanted): Promise<void> {
    const { kube } = this.#stage.scene;
    const wanted = stringify({
      [`web ${version} ${setting}`]: this.#story.replicas,
      [`${NEIGHBOUR} only ${setting}`]: 1,
    });
    await until(
      `${wanted} alone, at rest`,
      async (saw) => {
        const rollout = await this.shop.rollout();
        const ready = conditionOf(rollout, "Ready");
        const pods = await podsInWords(kube, this.shop.namespace);
        saw(`${ready?.reason}: ${ready?.message}; ${cursorOf(rollout, "stage")}; pods: ${pods}`);
        const rests = ready?.reason === "AtRest" && cursorOf(rollout, "candidate") === undefined;
        return rests && pods === wanted ? true : undefined;
      },
      { ...LONG, everyMs: 250 },
    );
  }
}
