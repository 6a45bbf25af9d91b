import { setTimeout } from "node:timers/promises";
import { AT_ONCE, appOf, makeIdleFleet, untilLookedAt } from "../../e2e/harness/idleFleet.ts";
import type { PlaneScene } from "../../e2e/harness/planeScene.ts";
import { release, untilAtRest } from "../../e2e/harness/podless.ts";
import { sideBySide } from "../../e2e/harness/sideBySide.ts";
import { MemoryPeaks } from "../memory/peaks.ts";

/** What a fleet of rollouts costs; times are in milliseconds, memory is in bytes. */
export interface FleetCost {
  /** From the start of the operator until it has looked at all of them. */
  readonly startMs: number;
  /** Calls within the time of rest, the lease and watches aside. */
  readonly callsAtRest: number;
  readonly restingBytes: number;
  /** For each that was released, from the answer to the change until the operator's first write about it. */
  readonly reactionsMs: readonly number[];
  /** Until all of them are promoted and at rest. */
  readonly promotedMs: number;
  readonly writesEach: number;
  readonly peakBytes: number;
}

/** Lets `idle` rollouts without pods rest for a while, and then releases the first `active` of them at once. */
export async function measureFleet(
  scene: PlaneScene,
  { idle, active, restMs }: { readonly idle: number; readonly active: number; readonly restMs: number },
): Promise<FleetCost> {
  const { kube, operator, proxy } = scene;
  const namespace = await scene.namespace("fleet");
  const app = await makeIdleFleet(scene, namespace, idle);

  const began = performance.now();
  await operator.start();
  await untilLookedAt(scene, idle);
  const startMs = performance.now() - began;
  proxy.forget();
  const resting = new MemoryPeaks(operator);
  await setTimeout(restMs);
  const { operator: restingBytes } = await resting.end();
  const callsAtRest = proxy.calls.filter(({ verb, resource }) => verb !== "watch" && resource !== "leases").length;

  proxy.forget();
  const peaks = new MemoryPeaks(operator);
  const names = Array.from({ length: active }, (_, index) => appOf(index));
  const changed = new Map<string, number>();
  const released = performance.now();
  await sideBySide(names, AT_ONCE, async (name) => {
    await release(kube, { ...app, name, release: "2" });
    changed.set(name, performance.now());
  });
  await sideBySide(names, AT_ONCE, (name) => untilAtRest(kube, { ...app, name }, "Promoted", { timeoutMs: 120_000 }));
  const promotedMs = performance.now() - released;
  const { operator: peakBytes } = await peaks.end();
  const writes = proxy.writes;
  const reactionsMs = names.map((name) => {
    const first = writes.find((call) => call.name === name || call.name.startsWith(`${name}-`));
    return Math.max(0, (first?.at ?? Number.POSITIVE_INFINITY) - (changed.get(name) ?? 0));
  });
  const writesEach = writes.length / active;
  return { startMs, callsAtRest, restingBytes, reactionsMs, promotedMs, writesEach, peakBytes };
}
