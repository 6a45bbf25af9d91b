import type { Key, Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import { type Observed, reconcileRollout } from "../../controllers/rollout/reconcile.ts";
import { Turns } from "../../controllers/rollout/turns.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { Crash, SimWorld } from "./world.ts";

const NAMESPACE = "shop";
/** How many rollouts are looked at at once, as in the operator. */
const WORKERS = 8;
/** A requeue as short as this is a look at once. */
const AT_ONCE_MS = 20;

/** What becomes of a write: "Unanswered" is stored, and the operator hears of that by its next look only. */
export type Fate = "Stored" | "Refused" | "Unanswered";

/** One rollout of a fleet. */
export interface Member {
  readonly name: string;
  readonly world: SimWorld;
  /** What the operator's cache holds. */
  known: RolloutStatus;
  looks: number;
  writes: number;
}

type WorldOptions = ConstructorParameters<typeof SimWorld>[0];

/** Rollouts of one namespace, each with a cluster of its own, and one operator that looks at several at once. */
export class Fleet {
  readonly members = new Map<string, Member>();
  /** The annotation of the namespace. */
  limit: number | undefined;
  /** Called when a status has been stored, with what it was before. */
  onStored: (member: Member, before: RolloutStatus) => void = () => {};
  readonly #store: () => Promise<Fate>;
  readonly #due = new Map<string, number>();
  readonly #busy = new Set<string>();
  readonly #prints = new Map<string, string>();
  #turns = this.#newTurns();

  constructor(names: readonly string[], make: () => WorldOptions, store: () => Promise<Fate>) {
    this.#store = store;
    for (const name of names) this.#enlist(name, make());
    this.restart();
  }

  /** A new process knows nothing but what is stored. */
  restart(): void {
    this.#turns = this.#newTurns();
    for (const name of this.members.keys()) this.#wake(name);
  }

  /** Something happens to a rollout, and a watch tells of it. */
  change(name: string, act: (world: SimWorld) => void): void {
    const member = this.members.get(name);
    if (member === undefined) return;
    act(member.world);
    this.#wake(name);
  }

  allow(limit: number | undefined): void {
    this.limit = limit;
    this.#turns.recount(NAMESPACE);
  }

  /** Rollouts that have a candidate by what is stored. */
  underWay(): readonly Member[] {
    return [...this.members.values()].filter(({ world }) => world.status.rollout?.candidate !== undefined);
  }

  /** Tells whether a rollout is on the way to what Git says. */
  busy(): boolean {
    return [...this.members.values()].some(
      ({ world }) => world.status.rollout?.stage !== "Resting" || world.status.rollout.stable !== world.git.template,
    );
  }

  /** Works on what is due, several rollouts at once, until nothing is. */
  async work(): Promise<void> {
    const worker = async (): Promise<void> => {
      for (let member = this.#next(); member !== undefined; member = this.#next()) await this.#look(member);
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
  }

  /** Works and lets time pass, until something holds. */
  async live(seconds: number, until: () => boolean = () => false): Promise<void> {
    for (let second = 0; second < seconds && !until(); second++) {
      await this.work();
      this.pass(1_000);
    }
  }

  pass(ms: number): void {
    for (const { name, world } of this.members.values()) {
      world.pass(ms);
      const print = JSON.stringify([world.pods.map((pod) => world.ready(pod)), [...world.seenEndpoints()]]);
      if (this.#prints.get(name) !== print) this.#wake(name);
      this.#prints.set(name, print);
    }
  }

  #newTurns(): Turns {
    return new Turns({
      rollouts: () => [...this.members.values()].map(({ name, known }) => manifest(name, known)),
      namespace: () => (this.limit === undefined ? undefined : namespace(this.limit)),
      maxRollouts: undefined,
      wake: (key) => this.#wake(key.slice(NAMESPACE.length + 1)),
    });
  }

  #wake(name: string): void {
    this.#due.set(name, 0);
  }

  #next(): Member | undefined {
    for (const [name, at] of this.#due) {
      const member = this.members.get(name);
      if (member === undefined || this.#busy.has(name) || at > member.world.now) continue;
      this.#due.delete(name);
      this.#busy.add(name);
      return member;
    }
    return undefined;
  }

  async #look(member: Member): Promise<void> {
    const { name, world } = member;
    const { signal } = new AbortController();
    member.looks++;
    try {
      const requeue = await reconcileRollout(world, `${NAMESPACE}/${name}`, () => world.now, signal);
      if (requeue.kind === "After") {
        const at = requeue.ms <= AT_ONCE_MS ? 0 : world.now + requeue.ms;
        this.#due.set(name, Math.min(at, this.#due.get(name) ?? Number.POSITIVE_INFINITY));
      }
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#wake(name);
    }
    this.#busy.delete(name);
  }

  /** Does with the turns what the operator does. */
  #enlist(name: string, options: WorldOptions): void {
    const fleet = this;
    const key: Key = `${NAMESPACE}/${name}`;
    const learn = (status: RolloutStatus) => {
      const before = member.known;
      member.known = status;
      if (before !== status)
        fleet.#turns.onRollout({ key, before: manifest(name, before), now: manifest(name, status) });
    };
    class World extends SimWorld {
      override observe(): Observed | undefined {
        learn(this.status);
        fleet.#turns.release(key);
        this.turn = fleet.#turns.of(key);
        return super.observe();
      }

      override async report(observed: Observed, status: RolloutStatus, decision: Decision | undefined): Promise<void> {
        const before = this.status;
        if (before.rollout?.candidate === undefined && status.rollout?.candidate !== undefined)
          fleet.#turns.reserve(key);
        const fate = await fleet.#store();
        if (fate === "Refused") throw new Crash("the write is refused");
        member.writes++;
        await super.report(observed, status, decision);
        fleet.onStored(member, before);
        if (fate === "Unanswered") throw new Crash("nobody knows what became of the write");
        learn(status);
        fleet.#turns.release(key);
        fleet.#wake(name);
      }
    }
    const member: Member = { name, world: new World(options), known: {}, looks: 0, writes: 0 };
    this.members.set(name, member);
  }
}

/** A rollout that is over within seconds. */
export const QUICK: WorldOptions["spec"] = {
  strategy: { canary: { steps: [{ weight: 50, hold: "2s" }] } },
  settleSeconds: 1,
  scaleDownDelaySeconds: 2,
  progressDeadlineSeconds: 5,
};

/** A fleet of small apps, `app-000` and on, whose writes all arrive. */
export function fleetOf(count: number, limit: number): Fleet {
  const names = Array.from({ length: count }, (_, index) => `app-${String(index).padStart(3, "0")}`);
  const fleet = new Fleet(
    names,
    () => ({ template: "v1", replicas: 1, spec: QUICK }),
    async () => "Stored",
  );
  fleet.limit = limit;
  return fleet;
}

function namespace(limit: number): Manifest {
  const annotations = { [Mark.maxRollouts]: String(limit) };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE, annotations } };
}

function manifest(name: string, status: RolloutStatus): Manifest {
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: "fairlead.dev/v1alpha1", kind: "ProgressiveRollout", metadata, status } as Manifest;
}
