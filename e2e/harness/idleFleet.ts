import type { JsonObject } from "../../src/api/json.ts";
import { type Manifest, refOf } from "../../src/api/objects.ts";
import { until } from "../apps/until.ts";
import { configMap } from "./manifests.ts";
import type { PlaneScene } from "./planeScene.ts";
import { make, type Podless, podless, untilAtRest } from "./podless.ts";
import { sideBySide } from "./sideBySide.ts";

/** Calls of a test that are under way at a time. */
export const AT_ONCE = 8;

/** The name of an app of the fleet, counted from 0. */
export const appOf = (index: number): string => `app-${index}`;

/**
 * Makes rollouts of no pods that are at rest, each with its Deployment, Service and revision, and one ConfigMap for all; the
 * operator is stopped then. One is taken over by the operator, the others are made like it. Gives one of them.
 */
export async function makeIdleFleet(
  { kube, operator }: PlaneScene,
  namespace: string,
  count: number,
): Promise<Podless> {
  const app = { namespace, name: appOf(0), container: { envFrom: [{ configMapRef: { name: "settings" } }] } };
  await make(kube, [{ ...configMap("settings"), metadata: { name: "settings", namespace } }, ...podless(app)]);
  const adopted = await untilAtRest(kube, app, "Adopted");
  await operator.stop();
  const deployments = await kube.list("apps/v1", "Deployment", { namespace });
  if (deployments.length !== 2) throw new Error(`${deployments.length} Deployments after a take-over, not 2`);
  const service = await kube.get({ apiVersion: "v1", kind: "Service", namespace, name: app.name });
  const { clusterIP: _ip, clusterIPs: _ips, ...ports } = service["spec"] as JsonObject;
  const names = Array.from({ length: count - 1 }, (_, index) => appOf(index + 1));
  // At rest a rollout asks nothing of the status of a Deployment: that is a write less for each.
  await sideBySide(names, AT_ONCE, async (name) => {
    for (const object of [...deployments, { ...service, spec: ports }, adopted]) {
      const { status, ...made } = likeFor(name, object);
      await kube.create(made);
      if (object === adopted) await kube.patch(refOf(made), { status: status ?? {} }, "status");
    }
  });
  return app;
}

/** Waits until the operator has looked at so many rollouts since it began. A look that failed rejects. */
export function untilLookedAt({ operator }: PlaneScene, count: number): Promise<true> {
  const series =
    /^fairlead_reconcile_duration_seconds_count\{controller="progressiverollout",outcome="(\w+)"\} (\d+)$/gm;
  return until(
    "every rollout to have been looked at",
    async (saw) => {
      const counts = [...(await operator.metrics()).matchAll(series)];
      const failed = counts.find(([, outcome]) => outcome === "Failed");
      if (failed !== undefined) throw new Error(`looks failed: ${failed[0]}`);
      const looks = counts.reduce((sum, [, , looked]) => sum + Number(looked), 0);
      saw(`${looks} looks`);
      return looks >= count ? true : undefined;
    },
    { timeoutMs: 120_000 },
  );
}

/** The same object of another app: what belongs to this one alone is left out. */
function likeFor(name: string, object: Manifest): Manifest {
  const own = { uid: undefined, resourceVersion: undefined, creationTimestamp: undefined, managedFields: undefined };
  const text = JSON.stringify({ ...object, metadata: { ...object.metadata, ...own } }).replaceAll(appOf(0), name);
  return JSON.parse(text) as Manifest;
}
