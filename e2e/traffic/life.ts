import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import type { LoadStats } from "../apps/load.ts";
import type { ScriptedPrometheus } from "../apps/scriptedPrometheus.ts";
import { GATEWAY_TARGET } from "../harness/gateway.ts";
import { conditionOf } from "../harness/kube.ts";
import type { RunningLoad } from "../harness/load.ts";
import { deleteNamespace } from "../harness/namespaces.ts";
import { plainRouteFile } from "../harness/routes.ts";
import type { Scene } from "../harness/scene.ts";
import type { Shop } from "../harness/shop.ts";
import type { RolloutChoice } from "../harness/shopFiles.ts";
import { historyOf, lastAnswerAfter } from "../harness/stories.ts";
import type { Traefik } from "../harness/traefik.ts";
import { Readiness } from "./readiness.ts";
import type { Restarts } from "./restarts.ts";
import type { Back, Row } from "./rows.ts";
import { type Setting, titleOf } from "./settings.ts";

/** What all lives share. */
export interface Ground {
  readonly scene: Scene;
  /** Absent when no setting needs it. */
  readonly traefik: Traefik | undefined;
  readonly prometheus: ScriptedPrometheus;
  readonly restarts: Restarts;
  readonly rate: number;
  readonly onRow: (row: Row) => void;
}

/** A version that was pushed. */
export interface Release {
  readonly version: string;
  readonly sha: string;
}

/** The write after which the operator dies, counted from the begin of a row: the shortest way back has four. */
const FATAL_WRITE = 3;
/** The load waits so long for an answer, and a little. */
const REQUEST_LIMIT_MS = 5_200;

/** One shop under a steady load, from a plain Deployment on: what happens to it is measured, row by row. */
export class Life {
  readonly shop: Shop;
  readonly load: RunningLoad;
  readonly #ground: Ground;
  readonly #setting: Setting;
  #number = 1;
  #last: Look;

  private constructor(ground: Ground, setting: Setting, shop: Shop, load: RunningLoad, first: Look) {
    this.#ground = ground;
    this.#setting = setting;
    this.shop = shop;
    this.load = load;
    this.#last = first;
  }

  /** A plain Deployment and its Service, behind a gateway where the setting says so, and the load. */
  static async begin(ground: Ground, setting: Setting): Promise<Life> {
    const { scene, traefik, rate } = ground;
    const routed = setting.way === "Gateway";
    const shop = await scene.shop({
      version: "v1",
      replicas: 4,
      env: setting.app === "exits at once" ? { EXIT_AT_ONCE: "true" } : {},
      ...(routed ? { files: { "deploy/route.yaml": plainRouteFile("web") } } : {}),
      // Git is asked so seldom that it is the webhook that counts.
      interval: "1m",
      webhook: true,
    });
    await scene.kube.waitAvailable(shop.namespace, shop.name);
    // With Traefik's own 2 s between two changes, its pauses would be most of what is measured.
    if (routed) await traefik?.serve(shop.namespace, { throttle: "500ms" });
    const load = await shop.load(rate, routed ? { target: GATEWAY_TARGET } : {});
    await load.reset();
    return new Life(ground, setting, shop, load, await look(load));
  }

  /** Removes the shop and all that is in its namespace: a node has no room for those of all lives. */
  async end(): Promise<void> {
    await this.load.stop();
    await deleteNamespace(this.#ground.scene.kube, this.shop.namespace);
  }

  /** A strategy with what all shops here have in common. */
  rollout(strategy: RolloutChoice): RolloutChoice {
    return {
      analysis: { prometheus: { address: this.#ground.prometheus.address }, interval: "1s" },
      settleSeconds: 2,
      scaleDownDelaySeconds: 300,
      ...strategy,
      spec: { ...(this.#setting.way === "Gateway" ? { routeRefs: [{ name: "web" }] } : {}), ...strategy.spec },
    };
  }

  /** Commits and pushes the next version. */
  async push(rollout: RolloutChoice): Promise<Release> {
    this.#number += 1;
    const version = `v${this.#number}`;
    return { version, sha: await this.shop.push({ version, rollout }) };
  }

  /** Sets what Prometheus says of candidates from now on. */
  judge(percent: number): void {
    this.#ground.prometheus.answer(this.shop.namespace, percent);
  }

  /** Something happens, and its requests are counted; with restarts, the operator dies in the middle of it. */
  row(what: string, act: () => Promise<unknown>): Promise<void> {
    return this.rowAfter(what, async () => undefined, act);
  }

  /** The same, after something that led to it: that counts for the requests, but not for the seconds. */
  rowAfter<T>(what: string, come: () => Promise<T>, act: (came: T) => Promise<unknown>): Promise<void> {
    return this.#measured(what, come, async (came) => {
      await this.#disturbed(() => act(came));
      return undefined;
    });
  }

  /** Releases a version, and reverts it when it has come far enough. */
  revert(what: string, come: () => Promise<Release>): Promise<void> {
    return this.#measured(what, come, (release) => this.#disturbed(() => this.#back(release)));
  }

  /** Waits for the answers to all requests that were sent until now. */
  rest(what: string): Promise<void> {
    return this.#measured(
      what,
      () => sleep(REQUEST_LIMIT_MS),
      async () => undefined,
    );
  }

  /** Does something that ends a rollout, and waits until it has ended and all is at rest. */
  async until<T>(outcome: string, act: () => Promise<T>): Promise<T> {
    const former = await this.#lastEnd();
    const value = await act();
    await this.#endsAfter(former, [outcome]);
    return value;
  }

  /** Waits for something that may be over in a moment. */
  async sees(what: string, holds: (rollout: Manifest) => boolean): Promise<void> {
    await this.shop.untilRollout(what, holds, { everyMs: 20 });
  }

  /** Waits until all answers of two seconds are of one version, and gives it. */
  async serving(): Promise<string> {
    const { recent } = await this.load.until(
      "answers of one version",
      (stats) => Object.keys(stats.recent).length === 1,
    );
    return Object.keys(recent)[0] ?? "";
  }

  async #lastEnd(): Promise<string> {
    return stringify(historyOf(await this.shop.rollout())[0] ?? null);
  }

  async #endsAfter(former: string, outcomes: readonly string[]): Promise<void> {
    await this.shop.untilRollout(`${outcomes.join(" or ")} and at rest`, (rollout) => {
      const [last] = historyOf(rollout);
      const isNew = stringify(last ?? null) !== former && outcomes.includes(String(last?.["outcome"]));
      return isNew && conditionOf(rollout, "Ready")?.status === "True";
    });
  }

  async #back({ version, sha }: Release): Promise<Back> {
    const { kube, proxy } = this.#ground.scene;
    const { namespace } = this.shop;
    const former = await this.#lastEnd();
    const starting = new Readiness(kube, this.shop, version);
    const began = performance.now();
    const [ms, rested] = await Promise.all([
      lastAnswerAfter(this.load, version, () => this.shop.revert(sha)),
      this.#endsAfter(former, ["Cancelled", "RolledBack"]).then(() => performance.now()),
    ]);
    const readiness = await starting.end();
    const writes = proxy.writes.filter((call) => call.namespace === namespace && call.at >= began && call.at <= rested);
    return {
      seconds: ms / 1_000,
      writes: writes.length,
      rested: (rested - began) / 1_000,
      ...(readiness === undefined ? {} : { readiness }),
    };
  }

  async #disturbed<T>(act: () => Promise<T>): Promise<T> {
    if (!this.#setting.restarts) return act();
    const planned = this.#ground.restarts.afterWrite(FATAL_WRITE, this.shop.namespace);
    const value = await act();
    await planned.over();
    return value;
  }

  async #measured<T>(what: string, come: () => Promise<T>, act: (came: T) => Promise<Back | undefined>): Promise<void> {
    const setting = this.#setting;
    try {
      const came = await come();
      const acted = performance.now();
      const back = await act(came);
      const seconds = back?.rested ?? secondsSince(acted);
      const now = await look(this.load);
      const counted = requests(this.#last, now);
      // The next row begins where this one ends: no request is between them.
      this.#last = now;
      this.#ground.onRow({ setting, what, seconds, ...counted, ...(back === undefined ? {} : { back }) });
    } catch (error) {
      const status = stringify((await this.shop.rollout().catch(() => undefined))?.["status"] ?? null);
      throw new Error(`${titleOf(setting)}: ${what}: ${String(error)}\nits status: ${status}`, { cause: error });
    }
  }
}

/** The seconds since a time of this process's monotonic clock. */
function secondsSince(began: number): number {
  return (performance.now() - began) / 1_000;
}

/** The numbers of the load, and when they were these. */
interface Look {
  readonly stats: LoadStats;
  readonly at: number;
}

async function look(load: RunningLoad): Promise<Look> {
  return { stats: await load.stats(), at: performance.now() };
}

/** What became of requests between two looks; one that was under way at the first look counts where it ended. */
function requests(before: Look, now: Look): Pick<Row, "sent" | "failed" | "rate" | "failures"> {
  const sent = now.stats.sent - before.stats.sent;
  const failed = now.stats.failed - before.stats.failed;
  // The load remembers the last twenty.
  const told = failed === 0 ? [] : now.stats.failures.slice(-failed).map(({ what }) => what);
  return { sent, failed, rate: (1_000 * sent) / (now.at - before.at), failures: [...new Set(told)] };
}
