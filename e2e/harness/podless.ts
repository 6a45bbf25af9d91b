import { at, type Json, type JsonObject, stringAt } from "../../src/api/json.ts";
import { type Manifest, type ObjectRef, refOf } from "../../src/api/objects.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import type { UntilOptions } from "../apps/until.ts";
import type { Kube } from "./kube.ts";
import { deployment } from "./manifests.ts";

/** A rollout of no pods, as there is no node: what is decided and written can be seen all the same. */
export interface Podless {
  readonly namespace: string;
  readonly name: string;
  /** Another one is another revision. */
  readonly release?: string;
  /** More of the only container, such as `envFrom`. */
  readonly container?: JsonObject;
  /** More of the rollout's spec. */
  readonly spec?: JsonObject;
}

/** Its Deployment, Service and ProgressiveRollout. */
export function podless({ namespace, name, release = "1", container = {}, spec = {} }: Podless): readonly Manifest[] {
  const app = deployment(name, 0);
  const containers = [{ name: "app", image: "registry.example.com/app:1", ...container }];
  const template = { metadata: { labels: { app: name }, annotations: { release } }, spec: { containers } };
  const metadata = { name, namespace };
  const refs = { workloadRef: { name }, serviceRef: { name }, settleSeconds: 1 };
  return [
    { ...app, metadata, spec: { ...(app["spec"] as JsonObject), template } },
    { apiVersion: "v1", kind: "Service", metadata, spec: { selector: { app: name }, ports: [{ port: 80 }] } },
    { apiVersion: API_VERSION, kind: "ProgressiveRollout", metadata, spec: { ...refs, ...spec } },
  ];
}

/** Makes objects; a Deployment is taken notice of, as there is no controller to do that. */
export async function make(kube: Kube, objects: readonly Manifest[]): Promise<void> {
  for (const object of objects) {
    await kube.create(object);
    const status: Json | undefined = object.kind === "Deployment" ? { observedGeneration: 1_000 } : object["status"];
    if (status !== undefined) await kube.patch(refOf(object), { status }, "status");
  }
}

/** Gives the Deployment another template. */
export async function release(kube: Kube, changed: Podless): Promise<void> {
  const [app] = podless(changed);
  if (app !== undefined)
    await kube.patch(refOf(app), { spec: { template: at(app, "spec", "template") } } as JsonObject);
}

/** Waits until the last rollout has ended in a way, and all that follows it has been done. */
export function untilAtRest(
  kube: Kube,
  { namespace, name }: Podless,
  outcome: string,
  options?: UntilOptions,
): Promise<Manifest> {
  const ref: ObjectRef = { apiVersion: API_VERSION, kind: "ProgressiveRollout", namespace, name };
  return kube.waitFor(
    ref,
    `${outcome} and at rest`,
    (one) =>
      outcomeOf(one) === outcome &&
      stringAt(one, "status", "rollout", "selection", "kind") === "Git" &&
      stringAt(one, "status", "rollout", "steadyAt") !== undefined,
    options,
  );
}

function outcomeOf(rollout: Manifest): string | undefined {
  const history = at(rollout, "status", "history");
  return Array.isArray(history) ? stringAt(history[0], "outcome") : undefined;
}
