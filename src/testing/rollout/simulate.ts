import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { reconcileRollout } from "../../controllers/rollout/reconcile.ts";
import { START } from "./cluster.ts";
import { Crash, type SimWorld } from "./world.ts";

/** Something that happens to a simulated rollout at a time, in seconds from the start. */
export interface Happening {
  readonly at: number;
  readonly what: string;
  readonly act: (world: SimWorld) => void;
}

/** How many reconciles in a row may happen without time passing: more is a hot loop. */
const LOOP_LIMIT = 60;
const TICK_MS = 1_000;

/** Lets the operator work until it waits for something. A Crash loses what it had in memory: calls under way. */
export async function work(world: SimWorld, check: (world: SimWorld) => void = () => {}): Promise<void> {
  const { signal } = new AbortController();
  for (let round = 0; round < LOOP_LIMIT; round++) {
    if (world.now < world.watchedSince) return;
    try {
      const requeue = await reconcileRollout(world, "shop/web", () => world.now, signal);
      check(world);
      if (requeue.kind === "Never" || requeue.ms > 20) return assertSomeServe(world);
    } catch (error) {
      // What it leaves behind is checked after the next one's first look.
      if (!(error instanceof Crash)) throw error;
      world.watchedSince = world.now + error.awayMs;
      world.receivers.hangUp();
    }
  }
  throw new Error(
    `the operator never comes to rest at ${JSON.stringify(world.status.rollout)}; log:\n${world.log.join("\n")}`,
  );
}

/** Plays a story tick by tick and tells it: what happened, what was decided and why, and every write. */
export async function simulate(world: SimWorld, happenings: readonly Happening[], length: number): Promise<string> {
  const story: string[] = [];
  let said = "";
  const tell = (line: string) => story.push(`${String(seconds(world)).padStart(4)}s  ${line}`);
  for (let second = 0; second <= length; second++) {
    for (const happening of happenings.filter(({ at }) => at === second)) {
      tell(`--- ${happening.what}`);
      happening.act(world);
    }
    await work(world, (now) => {
      assertNoneStopped(now);
      const line = summary(now);
      if (line !== said) tell(line);
      said = line;
      for (const write of now.log.splice(0)) tell(`      ${write}`);
    });
    world.pass(TICK_MS);
  }
  return `${story.join("\n")}\n`;
}

/** Nothing was stopped, while it was ready, that a node may still send a request to. */
export function assertNoneStopped(world: SimWorld): void {
  const reachable = world.reachable();
  const gone = [...world.stopped()].filter((name) => reachable.has(name));
  if (gone.length === 0) return;
  const log = world.log.join("\n");
  throw new Error(`requests are lost: ${gone.join(", ")} is stopped while nodes send requests to it\n${log}`);
}

/** When the operator has done what it could, some pod serves, if stable has one that is ready. */
function assertSomeServe(world: SimWorld): void {
  const cursor = world.status.rollout;
  if (cursor?.replicas === 0 || world.endpoints().size > 0 || !world.podsOf(cursor?.stable).some(({ ready }) => ready))
    return;
  throw new Error(
    `requests are lost: no pod serves at ${seconds(world)} s though stable is ready\n${JSON.stringify(cursor)}`,
  );
}

function seconds(world: SimWorld): number {
  return (world.now - START) / 1_000;
}

function summary(world: SimWorld): string {
  const ready = world.status.conditions?.find(({ type }) => type === "Ready");
  const cursor: Cursor | undefined = world.status.rollout;
  if (world.released) return "gone: the resource is released";
  const place =
    cursor === undefined
      ? ""
      : `[${cursor.stage} stable=${cursor.stable}${cursor.candidate === undefined ? "" : ` candidate=${cursor.candidate}`}] `;
  return `${place}${ready?.reason}: ${ready?.message.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => `+${(Date.parse(time) - START) / 1_000}s`)}`;
}
