import { at, isObject, type Json, stringify } from "../../src/api/json.ts";
import { Mark } from "../../src/api/v1alpha1/names.ts";
import { conditionOf, type Kube } from "./kube.ts";
import type { Shop } from "./shop.ts";
import { historyOf, podsByVersion, replicasOf, revisionsOf, selectorOf, versionOf } from "./stories.ts";

/** All that a rollout leaves behind, times left out. Versions `v8`, `v9` are told by their distance from `base`. */
export async function endState(kube: Kube, shop: Shop, base: number): Promise<Json> {
  const revisions = await revisionsOf(kube, shop);
  const age = (version: string) => `now${Number(version.slice(1)) - base}`;
  const deployment = await shop.deployment();
  const services = await kube.list("v1", "Service", { namespace: shop.namespace, labels: Mark.rollout });
  const route = await kube.find({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    namespace: shop.namespace,
    name: shop.name,
  });
  const object = await shop.rollout();
  const sizes = (version: string, of: unknown) => `${age(version)} ${String(of)}`;
  const state = stringify({
    cursor: lasting(at(object, "status", "rollout") ?? null),
    outcome: (historyOf(object)[0]?.["outcome"] ?? null) as Json,
    ready: conditionOf(object, "Ready")?.reason ?? null,
    deployment: sizes(versionOf(at(deployment, "spec", "template", "spec", "containers")), replicasOf(deployment)),
    revisions: revisions
      .map((one) => sizes(versionOf(at(one, "spec", "template", "spec", "containers")), replicasOf(one)))
      .sort(),
    services: services.map(({ metadata }) => metadata.labels?.[Mark.revision] ?? metadata.name),
    pods: [...(await podsByVersion(kube, shop))].map(([version, uids]) => sizes(version, uids.length)).sort(),
    selector: (await selectorOf(kube, shop)) as Json,
    rules: at(route, "spec", "rules") ?? null,
  });
  const named = revisions.reduce((text, revision) => {
    const hash = revision.metadata.labels?.[Mark.revision] ?? "none";
    return text.replaceAll(hash, age(versionOf(at(revision, "spec", "template", "spec", "containers"))));
  }, state);
  const read = JSON.parse(named) as { readonly services: string[] };
  return { ...read, services: read.services.sort() };
}

/** What a rollout leaves: when that was, by which commit, which try it was, how often it was measured and how many pods were seen at once is not of it. */
function lasting(value: Json): Json {
  if (Array.isArray(value)) return value.map(lasting);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([key]) => !/(at|since|until)$|^(attempt|peakShare|origin|passes)$/i.test(key),
  );
  return Object.fromEntries(kept.map(([key, entry]) => [key, lasting(entry as Json)]));
}
