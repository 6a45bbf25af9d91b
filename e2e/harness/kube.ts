import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isObject, type Json, type JsonObject, listAt, numberAt, stringAt, stringify } from "../../src/api/json.ts";
import { isManifest, type Manifest, type ObjectRef, refOf, title } from "../../src/api/objects.ts";
import type { FetchJson } from "../apps/load.ts";
import { type UntilOptions, until } from "../apps/until.ts";
import { binary } from "../cluster/index.ts";
import { type KubeCall, KubeCalls, KubeError } from "./kubeCalls.ts";

const execute = promisify(execFile);

/** The field manager of what the tests apply. */
const TEST_MANAGER = "test";

/** Which objects of a kind. */
export interface ListOptions {
  readonly namespace?: string;
  /** A label selector, as kubectl takes it. */
  readonly labels?: string;
}

/** Anything that has the shape of a Kubernetes object, typed models among them. */
export type ObjectLike =
  | Manifest
  | {
      readonly apiVersion?: string;
      readonly kind?: string;
      readonly metadata?: { readonly name?: string; readonly namespace?: string };
    };

/** A test's own client of an API server: raw JSON, a field manager of its own, no cache. */
export class Kube implements AsyncDisposable {
  readonly kubeconfig: string;
  readonly #calls: KubeCalls;
  #scratch: string | undefined;

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
    this.#calls = new KubeCalls(kubeconfig);
  }

  /** Any call at all; rejects with a `KubeError`. */
  raw(call: KubeCall): Promise<Json> {
    return this.#calls.json(call);
  }

  /** An object, or undefined when there is none. */
  async find(ref: ObjectRef): Promise<Manifest | undefined> {
    return this.get(ref).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    });
  }

  /** An object that must be there. */
  async get(ref: ObjectRef): Promise<Manifest> {
    return manifest(await this.#calls.json({ method: "GET", path: await this.#calls.pathOf(ref) }));
  }

  /** The objects of a kind, in one namespace or in all. */
  async list(apiVersion: string, kind: string, options: ListOptions = {}): Promise<readonly Manifest[]> {
    const path = await this.#calls.pathOfAll(apiVersion, kind, options.namespace, { labelSelector: options.labels });
    const items = listAt(await this.#calls.json({ method: "GET", path }), "items");
    // The items of a list do not say what they are.
    return items.map((item) => manifest(isObject(item) ? { ...item, apiVersion, kind } : item));
  }

  /** Server-side apply as the manager "test"; `force` takes fields over, as `kubectl apply --force-conflicts` does. */
  async apply(
    object: ObjectLike,
    options: { readonly force?: boolean; readonly manager?: string } = {},
  ): Promise<Manifest> {
    const wanted = manifest(object as JsonObject);
    const query = { fieldManager: options.manager ?? TEST_MANAGER, force: String(options.force ?? true) };
    const path = await this.#calls.pathOf(refOf(wanted), { query });
    return manifest(
      await this.#calls.json({ method: "PATCH", path, body: wanted, contentType: "application/apply-patch+yaml" }),
    );
  }

  /** Applies objects in their order. */
  async applyAll(objects: Iterable<ObjectLike>): Promise<void> {
    for (const object of objects) await this.apply(object);
  }

  /** Creates an object, which must not be there yet. */
  async create(object: ObjectLike): Promise<Manifest> {
    const wanted = manifest(object as JsonObject);
    const { apiVersion, kind, metadata } = wanted;
    const path = await this.#calls.pathOfAll(apiVersion, kind, metadata.namespace, { fieldManager: TEST_MANAGER });
    return manifest(await this.#calls.json({ method: "POST", path, body: wanted }));
  }

  /** A JSON merge patch of an object or its subresource. */
  async patch(ref: ObjectRef, patch: JsonObject, subresource?: string): Promise<Manifest> {
    const query = { fieldManager: TEST_MANAGER };
    const path = await this.#calls.pathOf(ref, { query, ...(subresource === undefined ? {} : { subresource }) });
    const contentType = "application/merge-patch+json";
    return manifest(await this.#calls.json({ method: "PATCH", path, body: patch, contentType }));
  }

  /** Sets the replicas through the scale subresource, as `kubectl scale` and a HorizontalPodAutoscaler do. */
  async scale(ref: ObjectRef, replicas: number): Promise<void> {
    await this.patch(ref, { spec: { replicas } }, "scale");
  }

  /** Deletes an object in the background; content when it is gone already. */
  async delete(ref: ObjectRef): Promise<void> {
    await this.#calls.text({ method: "DELETE", path: await this.#calls.pathOf(ref) }).catch((error: unknown) => {
      if (!(error instanceof KubeError && error.status === 404)) throw error;
    });
  }

  /** What the pod's container has said. */
  async logs(namespace: string, pod: string, options: { readonly previous?: boolean } = {}): Promise<string> {
    const query = options.previous ? "?previous=true" : "";
    return this.#calls.text({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${pod}/log${query}` });
  }

  /** The text that a pod answers at a path, by the API server's proxy. */
  podText(namespace: string, pod: string, port: number, path: string, method: "GET" | "POST" = "GET"): Promise<string> {
    return this.#calls.text({ method, path: `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy${path}` });
  }

  /** Fetches JSON from a pod: what `LoadClient` takes. */
  podProxy(namespace: string, pod: string, port: number): FetchJson {
    return async (path, init = {}) => {
      const text = await this.podText(namespace, pod, port, path, init.method ?? "GET");
      return text.trim() === "" ? undefined : (JSON.parse(text) as unknown);
    };
  }

  /** Runs the real kubectl and gives its output; `input` is a YAML or JSON text, or an object, for `-f -`. */
  async kubectl(args: readonly string[], input?: string | object): Promise<string> {
    // kubectl caches what the server serves; not in the home of whoever runs the tests.
    this.#scratch ??= mkdtempSync(join(tmpdir(), "fairlead-kubectl-"));
    const env = { ...process.env, KUBECACHEDIR: this.#scratch };
    const running = execute(await binary("kubectl"), ["--kubeconfig", this.kubeconfig, ...args], {
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    running.child.stdin?.end(input === undefined || typeof input === "string" ? (input ?? "") : stringify(input));
    return running.then(
      ({ stdout }) => stdout,
      (cause: unknown) => {
        const said = isObject(cause) ? (stringAt(cause, "stderr") ?? "") : "";
        throw new Error(`kubectl ${args.join(" ")}: ${said.trim() || String(cause)}`, { cause });
      },
    );
  }

  /** Waits until an object is as wanted, and gives it; `describe` says in a few words how far it has come. */
  waitFor(
    ref: ObjectRef,
    what: string,
    holds: (object: Manifest) => boolean,
    options: UntilOptions & { readonly describe?: (object: Manifest) => string } = {},
  ): Promise<Manifest> {
    const describe = options.describe ?? ((object: Manifest) => stringify(object["status"] ?? {}));
    return until(
      `${title(ref)}: ${what}`,
      async (saw) => {
        const object = await this.find(ref);
        saw(object === undefined ? "it is not there" : describe(object));
        return object !== undefined && holds(object) ? object : undefined;
      },
      options,
    );
  }

  /** Waits until an object is not there any more. */
  async waitGone(ref: ObjectRef, options: UntilOptions = {}): Promise<void> {
    await until(
      `${title(ref)}: to be gone`,
      async (saw) => {
        const object = await this.find(ref);
        saw(
          `finalizers ${stringify(object?.metadata.finalizers ?? [])}, status ${stringify(object?.["status"] ?? {})}`,
        );
        return object === undefined ? true : undefined;
      },
      options,
    );
  }

  /** Waits until a Deployment's newest pods, as many as it wants, are all available. */
  waitAvailable(namespace: string, name: string, options: UntilOptions = {}): Promise<Manifest> {
    const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace, name };
    const isAvailable = (deployment: Manifest) => {
      const wanted = numberAt(deployment, "spec", "replicas") ?? 1;
      const counts = ["replicas", "updatedReplicas", "availableReplicas"].map(
        (field) => numberAt(deployment, "status", field) ?? 0,
      );
      const seen = numberAt(deployment, "status", "observedGeneration") ?? 0;
      return seen >= (deployment.metadata.generation ?? 0) && counts.every((count) => count === wanted);
    };
    return this.waitFor(ref, "all pods available", isAvailable, { timeoutMs: 60_000, ...options });
  }

  /** Waits until a pod is ready. */
  waitPodReady(namespace: string, name: string, options: UntilOptions = {}): Promise<Manifest> {
    const ref = { apiVersion: "v1", kind: "Pod", namespace, name };
    return this.waitFor(ref, "ready", isPodReady, { timeoutMs: 60_000, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.close();
    if (this.#scratch !== undefined) await rm(this.#scratch, { recursive: true, force: true });
  }
}

/** Whether a pod's condition Ready is true. */
export function isPodReady(pod: Manifest): boolean {
  return conditionOf(pod, "Ready")?.status === "True";
}

/** A condition of an object's status. */
export function conditionOf(
  object: Manifest,
  type: string,
): { readonly status: string; readonly reason: string; readonly message: string } | undefined {
  const found = listAt(object, "status", "conditions").find((condition) => stringAt(condition, "type") === type);
  if (found === undefined) return undefined;
  const field = (name: string) => stringAt(found, name) ?? "";
  return { status: field("status"), reason: field("reason"), message: field("message") };
}

function manifest(value: Json): Manifest {
  if (!isManifest(value)) throw new Error(`not an object of Kubernetes: ${stringify(value)}`);
  return value;
}
