import { randomBytes } from "node:crypto";
import type { ObjectRef } from "../../src/api/objects.ts";
import { until } from "../apps/until.ts";
import { letGo } from "./crds.ts";
import type { Kube } from "./kube.ts";

/** Namespaces that nobody else uses; they all go at once. */
export class Namespaces implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #names: string[] = [];

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  /** Makes one, whose name begins with the prefix. */
  async make(prefix: string): Promise<string> {
    const name = `${prefix}-${randomBytes(3).toString("hex")}`;
    this.#names.push(name);
    await this.#kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return name;
  }

  /** Begins to delete them, so that a later disposal has less to wait for. */
  async begin(): Promise<void> {
    await Promise.all(this.#names.map((name) => beginToDelete(this.#kube, name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#names.splice(0).map((name) => deleteNamespace(this.#kube, name)));
  }
}

/** Deletes a namespace and all that is in it, and waits until it is gone; content when there is none. */
export async function deleteNamespace(kube: Kube, name: string): Promise<void> {
  const ref = await beginToDelete(kube, name);
  await until(
    `the namespace ${name} to be gone`,
    async (saw) => {
      const found = await kube.find(ref);
      saw(JSON.stringify(found?.["status"]));
      // Finalizers would wait for an operator that may not run any more.
      if (found !== undefined) await letGo(kube, name);
      return found === undefined ? true : undefined;
    },
    { timeoutMs: 120_000, everyMs: 250 },
  );
}

async function beginToDelete(kube: Kube, name: string): Promise<ObjectRef> {
  const ref: ObjectRef = { apiVersion: "v1", kind: "Namespace", name };
  await kube.delete(ref);
  // Kubernetes looks into the namespace after 5 s, and again only when the longest grace of its pods has passed by half.
  await kube.raw({
    method: "DELETE",
    path: `/api/v1/namespaces/${name}/pods`,
    body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 1 },
  });
  return ref;
}
