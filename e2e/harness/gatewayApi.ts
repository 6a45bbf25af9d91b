import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectRef } from "../../src/api/objects.ts";
import { moduleSources } from "../cluster/binaries.ts";
import { conditionOf, type Kube } from "./kube.ts";

/** The group of Gateway API. */
export const GROUP = "gateway.networking.k8s.io";

/** All kinds of Gateway API's standard channel. */
export const STANDARD_KINDS = [
  "gatewayclasses",
  "gateways",
  "httproutes",
  "grpcroutes",
  "referencegrants",
  "backendtlspolicies",
] as const;
type StandardKind = (typeof STANDARD_KINDS)[number];

/**
 * Defines kinds of Gateway API as its own release has them, until it is disposed of. Refuses a cluster that has one of them
 * already: it would go with the tests' own, and all routes with it. The experimental channel has fields that Fairlead has
 * never heard of.
 */
export async function defineGatewayApi(
  kube: Kube,
  kinds: readonly StandardKind[],
  channel: "standard" | "experimental" = "standard",
): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const sources = await moduleSources("gateway-api", "sigs.k8s.io/gateway-api");
  for (const kind of kinds) {
    const ref = refOfCrd(`${kind}.${GROUP}`);
    if ((await kube.find(ref)) !== undefined) throw new Error(`the cluster has the CRD ${ref.name} already`);
    undo.defer(async () => {
      await kube.delete(ref);
      await kube.waitGone(ref, { timeoutMs: 60_000 });
    });
    const text = await readFile(join(sources, `config/crd/${channel}/${GROUP}_${kind}.yaml`), "utf8");
    await kube.kubectl(["apply", "--server-side", "-f", "-"], text);
  }
  for (const kind of kinds) {
    const established = (crd: Parameters<typeof conditionOf>[0]) => conditionOf(crd, "Established")?.status === "True";
    await kube.waitFor(refOfCrd(`${kind}.${GROUP}`), "established", established);
  }
  return undo.move();
}

function refOfCrd(name: string): ObjectRef {
  return { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name };
}
