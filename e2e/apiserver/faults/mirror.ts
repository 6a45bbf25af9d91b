import type { JsonObject } from "../../../src/api/json.ts";
import { identity, type Manifest, type ObjectRef, refOf } from "../../../src/api/objects.ts";
import { ApiError } from "../../../src/ports/cluster.ts";
import type { StoryStore } from "../../../src/testing/faults/store.ts";
import type { ApplyCall, PatchCall, RemoveCall, StoreEvent } from "../../../src/testing/memoryApi/store.ts";
import type { Kube } from "../../harness/kube.ts";
import { KubeError } from "../../harness/kubeCalls.ts";

const PLURALS: Readonly<Record<string, string>> = { GitSync: "gitsyncs", Namespace: "namespaces" };

/**
 * A real API server as a story sees it: every call is made there, and its answers are remembered. Nobody but the story writes
 * to its namespace, so what is remembered is what is stored.
 */
export class MirroredApi implements StoryStore {
  readonly #kube: Kube;
  readonly #objects = new Map<string, Manifest>();
  readonly #events: StoreEvent[] = [];
  #version = 0;
  #newest = 0n;

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  get version(): number {
    return this.#version;
  }

  get resourceVersion(): string {
    return String(this.#newest);
  }

  all(): readonly Manifest[] {
    return [...this.#objects.values()];
  }

  list(apiVersion: string, kind: string): readonly Manifest[] {
    return this.all().filter((object) => object.apiVersion === apiVersion && object.kind === kind);
  }

  since(version: number): readonly StoreEvent[] {
    return this.#events.filter((event) => event.version > version);
  }

  get(ref: ObjectRef): Manifest | undefined {
    return this.#objects.get(identity(ref));
  }

  async apply(
    object: Manifest,
    { manager, force = false, dryRun = false, resourceVersion }: ApplyCall,
  ): Promise<Manifest> {
    const path = `${pathOf(refOf(object))}?fieldManager=${manager}&force=${force}${dryRun ? "&dryRun=All" : ""}`;
    const metadata = { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const call = { method: "PATCH", path, contentType: "application/apply-patch+yaml" } as const;
    const stored = await this.#send({ ...call, body: { ...object, metadata } });
    return dryRun ? stored : this.#remember(stored);
  }

  async patch(ref: ObjectRef, patch: JsonObject, { manager, subresource }: PatchCall): Promise<Manifest> {
    const path = `${pathOf(ref)}${subresource === undefined ? "" : `/${subresource}`}?fieldManager=${manager}`;
    const contentType = "application/merge-patch+json";
    return this.#remember(await this.#send({ method: "PATCH", path, contentType, body: patch }));
  }

  async remove(ref: ObjectRef, { uid, resourceVersion }: RemoveCall): Promise<"Deleted"> {
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", preconditions };
    await this.#send({ method: "DELETE", path: pathOf(ref), body });
    const object = this.#objects.get(identity(ref));
    this.#objects.delete(identity(ref));
    if (object !== undefined) this.#tell("DELETED", object);
    return "Deleted";
  }

  /** Holds what is remembered against the API server: throws when something else has written. */
  async assertTrue(): Promise<void> {
    for (const object of this.all()) {
      const stored = await this.#kube.find(refOf(object));
      if (stored?.metadata.resourceVersion !== object.metadata.resourceVersion) {
        throw new Error(`${object.kind} ${object.metadata.name} was written by someone else`);
      }
    }
  }

  async #send(call: Parameters<Kube["raw"]>[0]): Promise<Manifest> {
    try {
      return (await this.#kube.raw(call)) as unknown as Manifest;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const kind = error.status === 409 ? "Conflict" : error.status === 404 ? "NotFound" : "Invalid";
      throw new ApiError(kind, error.message, { code: error.status });
    }
  }

  #remember(stored: Manifest): Manifest {
    const id = identity(refOf(stored));
    const before = this.#objects.get(id);
    if (before?.metadata.resourceVersion === stored.metadata.resourceVersion) return stored;
    this.#objects.set(id, stored);
    const version = BigInt(stored.metadata.resourceVersion ?? "0");
    if (version > this.#newest) this.#newest = version;
    this.#tell(before === undefined ? "ADDED" : "MODIFIED", stored);
    return stored;
  }

  #tell(type: StoreEvent["type"], object: Manifest): void {
    this.#events.push({ type, object, version: ++this.#version });
  }
}

function pathOf({ apiVersion, kind, namespace, name }: ObjectRef): string {
  const group = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
  return `${group}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}/${name}`;
}
