import { at, listAt, stringAt, stringify } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION, Mark } from "../../../src/api/v1alpha1/names.ts";
import { shopManifests, toYaml } from "../../apps/shop.ts";
import { configured, SETTINGS, settingsOf } from "../configured.ts";
import { conditionOf, type Kube } from "../kube.ts";
import { DEPLOY, type Shop } from "../shop.ts";
import { cursorOf, revisionsOf, versionOf } from "../stories.ts";

/** What Git says of the pods: their version, and what the ConfigMap gives them. */
export interface Wanted {
  readonly version: string;
  readonly setting: string;
}

/** The other rollout of the namespace, whose pods use the same ConfigMap. */
export const NEIGHBOUR = "api";
const VARIABLES = { SETTING: "setting" };

/** Both workloads and what they share; the shop's version is in its own Deployment alone. */
export function liveFiles(
  namespace: string,
  { version, setting }: Wanted,
  image: string,
  options: { readonly replicas: number; readonly env: Readonly<Record<string, string>> },
): Readonly<Record<string, string>> {
  const [web] = shopManifests({ namespace, name: "web", version, image, ...options });
  const [api, service] = shopManifests({ namespace, name: NEIGHBOUR, version: "only", image, replicas: 1 });
  const rollout = {
    apiVersion: API_VERSION,
    kind: "ProgressiveRollout",
    metadata: { name: NEIGHBOUR, namespace },
    spec: {
      ...{ workloadRef: { name: NEIGHBOUR }, serviceRef: { name: NEIGHBOUR } },
      ...{ strategy: { canary: { steps: [{ weight: 50 }] } }, settleSeconds: 1, scaleDownDelaySeconds: 1 },
    },
  };
  return {
    [`${DEPLOY}/deployment.yaml`]: toYaml([configured(web, VARIABLES)]),
    [`${DEPLOY}/${NEIGHBOUR}.yaml`]: toYaml([configured(api, VARIABLES), service, rollout]),
    [`${DEPLOY}/settings.yaml`]: toYaml([settingsOf(namespace, { setting })]),
  };
}

/** What a pod, or a pod template, was made with. */
async function madeWith(kube: Kube, namespace: string, containers: unknown): Promise<Wanted> {
  const [container] = Array.isArray(containers) ? containers : [];
  const names = listAt(container, "env").map((one) => stringAt(one, "valueFrom", "configMapKeyRef", "name"));
  const name = names.find((one) => one !== undefined) ?? SETTINGS;
  const settings = await kube.find({ apiVersion: "v1", kind: "ConfigMap", namespace, name });
  return { version: versionOf(containers), setting: stringAt(settings, "data", "setting") ?? `no ${name}` };
}

/** What stable runs. */
export async function stableOf(kube: Kube, shop: Shop): Promise<Wanted> {
  const stable = cursorOf(await shop.rollout(), "stable");
  const found = (await revisionsOf(kube, shop)).find(({ metadata }) => metadata.labels?.[Mark.revision] === stable);
  if (found === undefined) throw new Error(`no Deployment of stable revision ${stable}`);
  return madeWith(kube, shop.namespace, at(found, "spec", "template", "spec", "containers"));
}

async function livingPods(kube: Kube, namespace: string, name: string): Promise<readonly Manifest[]> {
  const pods = await kube.list("v1", "Pod", { namespace, labels: `app=${name}` });
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The pods of both workloads, in words: how many there are of which version and setting. */
export async function podsInWords(kube: Kube, namespace: string): Promise<string> {
  const counts = new Map<string, number>();
  for (const name of ["web", NEIGHBOUR]) {
    for (const pod of await livingPods(kube, namespace, name)) {
      const { version, setting } = await madeWith(kube, namespace, at(pod, "spec", "containers"));
      const what = `${name} ${version} ${setting}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }
  return stringify(Object.fromEntries(counts));
}

/** Deletes a pod of those that have another one beside them: of the last one no program's good behaviour saves the requests. */
export async function losePod(kube: Kube, { namespace, name }: Shop, index: number): Promise<void> {
  const pods = await livingPods(kube, namespace, name);
  const ready = pods.filter((pod) => conditionOf(pod, "Ready")?.status === "True");
  const revisionOf = (pod: Manifest) => pod.metadata.labels?.[Mark.revision];
  const spare = ready.filter((pod) => ready.filter((one) => revisionOf(one) === revisionOf(pod)).length > 1);
  const chosen = spare[index % Math.max(1, spare.length)];
  if (chosen === undefined) return;
  await kube.delete({ apiVersion: "v1", kind: "Pod", namespace, name: chosen.metadata.name });
}

/** Leaves the namespace no room for one pod more, or all that it wants. */
export async function fillQuota(kube: Kube, namespace: string, full: boolean): Promise<void> {
  const metadata = { name: "full", namespace };
  if (!full) return kube.delete({ apiVersion: "v1", kind: "ResourceQuota", ...metadata });
  const pods = await kube.list("v1", "Pod", { namespace });
  await kube.apply({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata,
    spec: { hard: { pods: String(pods.length) } },
  });
}
