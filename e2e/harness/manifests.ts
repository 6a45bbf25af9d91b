import type { JsonObject } from "../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../src/api/objects.ts";
import { until } from "../apps/until.ts";
import type { Kube } from "./kube.ts";

/** A ConfigMap without a namespace: the sync's is meant. */
export function configMap(name: string, data: Readonly<Record<string, string>> = { key: "value" }): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { ...data } };
}

/** A Deployment that nothing runs: there is no node. */
export function deployment(name: string, replicas: number, image = "registry.example.com/app:1"): Manifest {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "app", image }] } },
    },
  };
}

/** A CustomResourceDefinition of the group example.com whose objects keep whatever they are given. */
export function definition(plural: string, kind: string): Manifest {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

/** Reports on a Deployment as its controller would if all its pods were there, as there is no controller here. */
export async function settle(kube: Kube, ref: ObjectRef): Promise<void> {
  await until(`${ref.name} to be settled`, async (saw) => {
    const live = await kube.find(ref);
    saw(JSON.stringify(live?.["status"]));
    if (live === undefined) return undefined;
    const replicas = Number((live["spec"] as JsonObject)["replicas"]);
    const conditions = [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "" },
    ];
    const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
    const status = { observedGeneration: live.metadata.generation ?? 1, ...counts, conditions };
    await kube.patch(ref, { status }, "status");
    return true;
  });
}
