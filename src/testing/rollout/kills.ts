import { type Json, sameJson } from "../../api/json.ts";
import { assertNoneStopped, work } from "./simulate.ts";
import { ANALYSIS, BAD, reads, world } from "./words.ts";
import { Crash, type SimWorld } from "./world.ts";

const BASE = {
  settleSeconds: 3,
  scaleDownDelaySeconds: 5,
  progressDeadlineSeconds: 20,
  analysis: { ...ANALYSIS, interval: "2s" },
};
const CANARY = {
  ...BASE,
  strategy: {
    canary: {
      steps: [
        { weight: 20, hold: "3s" },
        { weight: 50, hold: "3s" },
      ],
    },
  },
};
const BLUE_GREEN = { ...BASE, strategy: { blueGreen: { hold: "3s", watch: "5s" } } };
const ROUTES = { routeRefs: [{ name: "web" }] };

/** How the matrix rolls out. Delays are short: it is the order of the writes that matters. */
export const KILL_STRATEGIES: Readonly<Record<string, Record<string, Json>>> = {
  "canary by pods": CANARY,
  "canary by routes": { ...CANARY, ...ROUTES },
  rolling: { ...BASE, strategy: { rolling: { batch: 2, hold: "2s" } } },
  blueGreen: BLUE_GREEN,
  "blueGreen by routes": { ...BLUE_GREEN, ...ROUTES },
};

/** What happens, told by what is awaited and not by the clock: an operator that comes back late hears the same story. */
export const KILL_DIRECTIONS: Readonly<Record<string, (play: Play) => Promise<void>>> = {
  "take over": async (play) => {
    play.arm();
    await play.untilRest("v1");
  },
  forward: async (play) => {
    await play.begin();
    play.world.push("v2");
    await play.untilRest("v2");
  },
  reject: async (play) => {
    reads("v2", BAD)(play.world);
    await play.begin();
    play.world.push("v2");
    await play.until("v2 is rejected", ({ status }) => status.history?.[0]?.outcome === "Rejected");
    await play.untilRest("v1");
  },
  revert: async (play) => {
    await play.begin();
    play.world.push("v2");
    await play.until("v2 is ready", (now) => now.podsOf("v2").some(({ ready }) => ready));
    play.world.push("v1");
    await play.untilRest("v1");
  },
  "roll back": async (play) => {
    await play.untilRest("v1");
    play.world.push("v2");
    await play.untilRest("v2");
    play.arm();
    play.world.push("v1");
    await play.untilRest("v1");
  },
  "hand back": async (play) => {
    await play.begin();
    Object.assign(play.world, { deleting: true });
    await play.until("the resource is released", ({ released }) => released);
  },
};

/** When the operator dies, counted in its writes, and for how long it is away then. */
export interface Kill {
  /** Just before this write, counted from 1: after the one before it is stored. */
  readonly at: number;
  /** Whether it dies again after as many writes, for ever; else once. */
  readonly again: boolean;
  readonly awayMs: number;
}

/** Seconds without news after which a story is over: longer than any delay of the stories. */
const QUIET = 12;
const LIMIT = 600;

/** One story, with an operator that may be killed in it. */
export class Play {
  readonly world: SimWorld;
  /** The writes since it was armed. */
  readonly writes: string[] = [];
  deaths = 0;
  readonly #kill: Kill | undefined;

  constructor(spec: Record<string, Json>, kill?: Kill) {
    this.world = world(spec)();
    this.#kill = kill;
  }

  /** Takes v1 over; writes count from then on. */
  async begin(): Promise<void> {
    await this.untilRest("v1");
    this.arm();
  }

  arm(): void {
    this.world.beforeWrite = (what) => {
      this.#mayDie(what);
      this.writes.push(what);
    };
  }

  #mayDie(what: string): void {
    if (this.#kill === undefined) return;
    const { at, again, awayMs } = this.#kill;
    const due = again
      ? this.writes.length >= at * (this.deaths + 1)
      : this.writes.length === at - 1 && this.deaths === 0;
    if (!due) return;
    this.deaths += 1;
    throw new Crash(`before ${what}`, awayMs);
  }

  /** Lets time pass until the world is as wanted. */
  async until(what: string, holds: (world: SimWorld) => boolean): Promise<void> {
    for (let second = 0; second < LIMIT; second += 1) {
      await work(this.world, assertNoneStopped);
      if (holds(this.world)) return;
      this.world.pass(1_000);
      assertNoneStopped(this.world);
    }
    throw new Error(`not within ${LIMIT} s: ${what}; last seen: ${JSON.stringify(this.world.status)}`);
  }

  /** Waits until a revision is stable and nothing is left to do. */
  async untilRest(stable: string): Promise<void> {
    let [quiet, before] = [0, this.world.status];
    await this.until(`${stable} is stable, and nothing is left to do`, ({ status, now, watchedSince }) => {
      const there = now >= watchedSince && status.rollout?.stage === "Resting" && status.rollout.stable === stable;
      const rests = there && sameJson(before as Json, status as Json);
      [quiet, before] = [rests ? quiet + 1 : 0, status];
      return quiet > QUIET;
    });
  }
}

/** All that a story leaves behind, times left out. */
export function leftBehind({ world }: Play): unknown {
  const { stage, stable, candidate, selection, replicas, previous, rejected } = world.status.rollout ?? {};
  const alive = world.pods.filter(({ gone }) => gone === undefined).map(({ revision = "web" }) => revision);
  return {
    cursor: { stage, stable, candidate, selection, replicas },
    previous: previous?.map(({ revision }) => revision),
    rejected: rejected?.map(({ revision, message }) => `${revision}: ${message}`),
    history: world.status.history?.map(({ revision, outcome }) => `${revision} ${outcome}`),
    conditions: world.status.conditions?.map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message,
    })),
    workload: { replicas: world.workload.replicas, template: world.workload.template },
    revisions: [...world.revisions].map(([hash, { replicas: size }]) => `${hash} ${size}`).sort(),
    previews: [...world.previews],
    pods: alive.sort(),
    selector: world.selector,
    route: world.route,
    finalizer: world.finalizer,
    released: world.released,
  };
}
