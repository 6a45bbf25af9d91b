import { checkEachLook, checkSettled } from "./invariants.ts";
import { work } from "./simulate.ts";
import type { Move } from "./stories.ts";
import { Crash, type SimWorld } from "./world.ts";

/** Lets one thing happen, and the operator do what it can. */
export async function make(world: SimWorld, next: Move): Promise<void> {
  switch (next.do) {
    case "push":
      world.push(next.template);
      break;
    case "pass":
      return live(world, next.seconds);
    case "disturb":
      world.disturb(next.pod, next.seconds * 1_000);
      break;
    case "read": {
      const behaviour = world.behaviour(next.template);
      const reading =
        next.reading === "Value" || next.reading === "Bad"
          ? { kind: "Value" as const, value: next.reading === "Value" ? 100 : 90 }
          : { kind: next.reading, message: "scripted" };
      world.behaviours.set(next.template, { ...behaviour, reading });
      break;
    }
    case "starts":
      world.behaviours.set(next.template, { ...world.behaviour(next.template), readyAfter: next.seconds * 1_000 });
      break;
    case "crash":
      crashAfter(world, next);
      break;
    case "pause":
      Object.assign(world, { spec: { ...world.spec, paused: next.paused } });
      break;
    case "freeze":
      Object.assign(world, { spec: { ...world.spec, freezes: next.frozen ? [{}] : [] } });
      break;
    case "answer":
      world.receivers.behaviours.set(next.webhook, { accepts: next.accepts, afterMs: next.seconds * 1_000 });
      break;
    case "runs":
      for (const name of ["smoke", "deep"])
        world.jobs.behaviours.set(name, { outcome: next.outcome, afterMs: next.seconds * 1_000 });
      break;
    case "killJobs":
      world.jobs.kill();
      break;
    case "turn":
      world.turn = { limit: 1, underWay: next.taken ? ["api"] : [], ahead: 0 };
      break;
    case "retry":
      Object.assign(world, { spec: { ...world.spec, retry: next.token } });
      break;
    case "approve":
      Object.assign(world, { spec: { ...world.spec, approvedRevision: next.template } });
      world.approved.add(next.template);
      break;
    case "quota":
      world.quota = world.pods.length + next.room;
      break;
    case "meddle":
      // Another tool applies the route as it is in Git.
      if (world.route !== "Git") world.takenBackAt = world.now;
      world.route = "Git";
      world.follow();
      break;
    case "shrink":
      Object.assign(world, { git: { ...world.git, replicas: Math.max(1, (world.git.replicas ?? 1) - 1) } });
      world.leastReplicas = Math.min(world.leastReplicas, world.git.replicas ?? 1);
      break;
    case "grow":
      Object.assign(world, { git: { ...world.git, replicas: Math.min(6, (world.git.replicas ?? 1) + 1) } });
      world.mostReplicas = Math.max(world.mostReplicas, world.git.replicas ?? 1);
      break;
  }
  await settle(world);
}

/** The operator dies before one of its next writes, once. */
function crashAfter(world: SimWorld, { afterWrites, awaySeconds }: Move & { readonly do: "crash" }): void {
  let left = afterWrites;
  world.beforeWrite = (what) => {
    if (left-- > 0) return;
    world.beforeWrite = () => {};
    throw new Crash(`before ${what}`, awaySeconds * 1_000);
  };
}

/** Lets time pass, second by second, with the operator at work. */
export async function live(world: SimWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await settle(world);
    world.pass(1_000);
  }
}

/** Lets the operator do what it can. What routes say is looked at afterwards: one look may follow the other at once. */
async function settle(world: SimWorld): Promise<void> {
  await work(world, checkEachLook);
  checkSettled(world);
}
