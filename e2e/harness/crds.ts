import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { conditionOf, type Kube } from "./kube.ts";
import { ROOT } from "./operatorImage.ts";

const DIRECTORY = join(ROOT, "crds");

function names(): readonly string[] {
  // A file is called GROUP_PLURAL.yaml, its CRD PLURAL.GROUP.
  return globSync("*.yaml", { cwd: DIRECTORY }).map((file) => basename(file, ".yaml").split("_").reverse().join("."));
}

/** Refuses a cluster in which Fairlead is already: taking down the tests' own would take down that one. */
export async function assertNoCrds(kube: Kube): Promise<void> {
  for (const name of names()) {
    if (await kube.find(ref(name)))
      throw new Error(`the cluster has the CRD ${name} already: is Fairlead installed there?`);
  }
}

/** Applies the CRDs alone, for an operator that does not run in the cluster, and waits until they are served. */
export async function applyCrds(kube: Kube): Promise<void> {
  for (const file of globSync("*.yaml", { cwd: DIRECTORY })) {
    const text = await readFile(join(DIRECTORY, file), "utf8");
    await kube.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
  }
  await Promise.all(
    names().map((name) =>
      kube.waitFor(ref(name), "established", (crd) => conditionOf(crd, "Established")?.status === "True"),
    ),
  );
}

/** Deletes the CRDs and with them every object of theirs; what no operator is left to finish is let go. */
export async function deleteCrds(kube: Kube): Promise<void> {
  await beginToDeleteCrds(kube);
  await letGo(kube);
  for (const name of names()) await kube.waitGone(ref(name), { timeoutMs: 60_000 });
}

/** Deletes the CRDs as far as the API server does by itself: objects with a finalizer stay until somebody takes it off. */
export async function beginToDeleteCrds(kube: Kube): Promise<void> {
  for (const name of names()) await kube.delete(ref(name));
}

/** Takes the finalizers off Fairlead's deleted objects, in one namespace or in all: their operator may be gone. */
export async function letGo(kube: Kube, namespace?: string): Promise<void> {
  for (const kind of ["GitSync", "ProgressiveRollout"]) {
    const options = namespace === undefined ? {} : { namespace };
    // No such kind, no such objects.
    const objects = await kube.list("fairlead.dev/v1alpha1", kind, options).catch(() => []);
    for (const { apiVersion, metadata } of objects) {
      if (metadata.deletionTimestamp === undefined) continue;
      const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
      const patch = { metadata: { finalizers: null } };
      // It may have gone by itself in the meantime.
      await kube.patch({ apiVersion, kind, name: metadata.name, ...place }, patch).catch(() => undefined);
    }
  }
}

function ref(name: string): { readonly apiVersion: string; readonly kind: string; readonly name: string } {
  return { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name };
}
