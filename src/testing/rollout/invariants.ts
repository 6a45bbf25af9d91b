import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { carriedBy } from "../../core/rollout/lowering.ts";
import { podsOf } from "../../core/rollout/quantity.ts";
import { type Word, weightOf } from "../../core/rollout/routes/word.ts";
import { stepsOf } from "../../core/rollout/strategies/strategy.ts";
import { reachedBy } from "./cluster.ts";
import { assertNoneStopped } from "./simulate.ts";
import type { SimWorld } from "./world.ts";

/** What holds after each look: nobody's requests end, and no candidate goes further than its passes and approvals. */
export function checkEachLook(world: SimWorld): void {
  assertNoneStopped(world);
  const cursor = world.status.rollout;
  if (cursor?.candidate === undefined || cursor.cause === "Rescued") return;
  const steps = stepsOf(world.observe()?.seen.spec ?? { strategy: {}, routeRefs: [] }, cursor.replicas);
  const first = steps.find(({ needsApproval }) => !needsApproval);
  if (first === undefined || world.passed.has(cursor.candidate)) return;
  if (cursor.weight > first.weight && cursor.stage !== "Returning") {
    throw new Error(`weight ${cursor.weight} without a pass of ${cursor.candidate}: ${JSON.stringify(cursor)}`);
  }
  const approval = steps.findIndex(({ needsApproval }) => needsApproval);
  const beyond = approval >= 0 && cursor.stage === "Stepping" && (cursor.step ?? 0) > approval;
  if (beyond && world.status.rollout?.candidate !== undefined && !world.approved.has(cursor.candidate)) {
    throw new Error(`${cursor.candidate} went beyond an approval that it did not have: ${JSON.stringify(cursor)}`);
  }
  // Pods of a rollout that was scaled down in mid-step leave one by one, so the bound is of its largest size.
  const most =
    stepsOf(world.observe()?.seen.spec ?? { strategy: {}, routeRefs: [] }, world.mostReplicas)[0]?.sizes.candidate ?? 0;
  const serving = world.endpoints();
  const candidate = world.podsOf(cursor.candidate).filter(({ name }) => serving.has(name)).length;
  if (candidate > most && cursor.stage === "Stepping") {
    throw new Error(`${candidate} pods of ${cursor.candidate} serve without a pass: ${JSON.stringify(cursor)}`);
  }
}

/** What holds once the operator has done what it can: no request goes where nobody takes it. */
export function checkSettled(world: SimWorld): void {
  if (world.status.rollout === undefined || world.now < world.watchedSince) return;
  checkRoute(world, world.status.rollout);
  checkLowered(world, world.status.rollout);
}

/** Two settle times, and one for what happens in between. */
const LEAVE_MS = 9_000;

/** Stable keeps the pods for what any gateway may still send there, however far it is lowered. */
function checkLowered(world: SimWorld, { stable, stage, candidate, replicas, inPlaceAt }: Cursor): void {
  const { canary } = (world.spec["strategy"] ?? {}) as {
    canary?: { stableCapacity?: string; maxSurge?: number | string };
  };
  if (canary?.stableCapacity !== "Shared" || stage !== "Stepping" || candidate === undefined) return;
  const asked = (revision: string) => world.revisions.get(revision)?.replicas ?? 0;
  const needed = world.route === "Git" ? 1 : Math.ceil((replicas * world.mostWeightOf(stable)) / 100);
  if (replicas > 0 && asked(stable) < needed)
    throw new Error(`${asked(stable)} pods of ${stable}, which may be sent what takes ${needed}`);
  // Of a rollout that was scaled the bound is of its largest size; by routes both tracks may round up.
  const most = world.mostReplicas + podsOf(canary.maxSurge ?? "25%", world.mostReplicas) + 1;
  const both = asked(stable) + asked(candidate);
  // Requests that another tool sends back need stable's pods at once; these leave when the weight has been in place.
  const placedAt =
    inPlaceAt === undefined ? world.now : Math.max(Date.parse(inPlaceAt), world.takenBackAt ?? 0, world.watchedSince);
  if (world.now - placedAt > LEAVE_MS || (both <= most && placedAt < world.now)) world.takenBackAt = undefined;
  if (both > most && world.takenBackAt === undefined)
    throw new Error(`${asked(stable)} + ${asked(candidate)} pods, where ${most} may be`);
}

/** No request goes by the route to a revision without ready pods for it, while stable has some. */
function checkRoute(world: SimWorld, { stable, stage, candidate, replicas }: Cursor): void {
  const { route } = world;
  if (route === "Git") return;
  const ready = (revision: string | undefined) => world.podsOf(revision).filter((pod) => pod.ready).length;
  for (const revision of reachedBy(route)) {
    const weight = weightOf(route, revision);
    const needed =
      stage === "Stepping" && revision === candidate ? Math.max(1, Math.ceil((replicas * weight) / 100)) : 1;
    // Where both together are too few, each pod gets the same.
    const fair = stage === "Stepping" && weight > 0 && weight <= carriedBy(ready(revision), ready(stable), replicas);
    if (revision !== stable && ready(revision) < needed && ready(stable) > 0 && !fair)
      throw new Error(`weight ${weight} by the route, but ${ready(revision)} ready pods of ${revision}`);
  }
  if (stage === "Resting" && route.chosen.length > 0)
    throw new Error(`somebody is chosen at rest: ${JSON.stringify(route)}`);
  checkTickets(world, route);
}

/** While pods of the candidate are ready, nobody who has a ticket is taken back from it by a step. */
function checkTickets(world: SimWorld, route: Word): void {
  const { stage, candidate, split } = world.status.rollout ?? {};
  if (stage !== "Stepping" || candidate === undefined || split === undefined) return;
  const mine = route.parts.filter((part) => part.revision === candidate && part.ticket !== undefined);
  const sum = mine.reduce((total, { weight }) => total + weight, 0);
  if (sum > weightOf({ parts: split, chosen: [] }, candidate) + 1e-9)
    throw new Error(`tickets for more than the weight: ${JSON.stringify(route)}`);
  const wrong = route.chosen.filter(({ revision }) => !route.parts.some((part) => part.revision === revision));
  if (wrong.some(({ revision }) => revision !== candidate)) throw new Error(`chosen for ${JSON.stringify(wrong)}`);
}
