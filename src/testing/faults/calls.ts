import type { JsonObject } from "../../api/json.ts";
import type { Manifest, ObjectRef } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";
import {
  ApiError,
  type ApplyOptions,
  type Census,
  type Cluster,
  isApiError,
  type PatchOptions,
  type RemoveOptions,
} from "../../ports/cluster.ts";
import type { StoryStore } from "./store.ts";

/** What happens to one call to the API server. `Lost`: it is carried out, and its answer never comes. */
export type Fate = "Fine" | "Refused" | "Throttled" | "Conflict" | "Lost" | "KillBefore" | "KillAfter";

/** Decides what happens to the next call. */
export type NextFate = () => Fate;

/** The cluster port of one process of the operator, with the faults of a story. Once killed, nothing of it is heard any more. */
export class FaultyCluster implements Cluster, Census {
  readonly #store: StoryStore;
  readonly #next: NextFate;
  readonly #kill: () => void;
  #dead = false;
  /** The last call, for messages. */
  doing = "";

  constructor(store: StoryStore, next: NextFate, kill: () => void) {
    this.#store = store;
    this.#next = next;
    this.#kill = kill;
  }

  /** Ends the process. */
  die(): void {
    this.#dead = true;
  }

  get(ref: ObjectRef): Promise<Manifest | undefined> {
    return this.#call(`get ${ref.kind} ${ref.name}`, false, () => this.#store.get(ref));
  }

  apply(object: Manifest, options: ApplyOptions): Promise<Manifest> {
    const { dryRun = false, resourceVersion } = options;
    const call = {
      manager: FIELD_MANAGER,
      force: true,
      dryRun,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    return this.#call(`apply ${object.kind} ${object.metadata.name}`, !dryRun, () => this.#store.apply(object, call));
  }

  patch(ref: ObjectRef, patch: JsonObject, { subresource }: PatchOptions): Promise<Manifest> {
    const call = { manager: FIELD_MANAGER, ...(subresource === "status" ? { subresource } : {}) };
    return this.#call(`patch ${ref.kind} ${ref.name}`, true, () => this.#store.patch(ref, patch, call));
  }

  remove(ref: ObjectRef, options: RemoveOptions): Promise<"Deleted" | "Absent" | Manifest> {
    const { uid, resourceVersion } = options;
    return this.#call(`remove ${ref.kind} ${ref.name}`, true, () => {
      const live = this.#store.get(ref);
      if (live === undefined || live.metadata.uid !== uid) return "Absent";
      return this.#store.remove(ref, { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) });
    });
  }

  count(apiVersion: string, kind: string): Promise<number> {
    return this.#call(`count ${kind}`, false, () => this.#store.list(apiVersion, kind).length);
  }

  async #call<T>(doing: string, write: boolean, run: () => T | Promise<T>): Promise<T> {
    await Promise.resolve();
    this.#assertAlive();
    const fate = this.#next();
    this.doing = doing;
    if (fate === "KillBefore") this.#kill();
    this.#assertAlive();
    if (fate === "Refused") throw new ApiError("Unavailable", `cannot ${doing}: 503`, { code: 503 });
    if (fate === "Throttled") throw new ApiError("Throttled", `cannot ${doing}: 429`, { code: 429 });
    if (fate === "Conflict" && write) throw new ApiError("Conflict", `cannot ${doing}: 409`, { code: 409 });
    const answer = await run();
    if (fate === "KillAfter") this.#kill();
    await Promise.resolve();
    this.#assertAlive();
    if (fate === "Lost") throw new ApiError("Unavailable", `cannot ${doing}: no answer within the time limit`);
    return answer;
  }

  #assertAlive(): void {
    if (this.#dead) throw new ApiError("Fenced", "this process is dead");
  }
}

/** Tells whether an error is the end of the process that met it. */
export const isDeath = (error: unknown): boolean => isApiError(error, "Fenced");
