import type { JsonObject } from "../../api/json.ts";
import type { Manifest, ObjectRef } from "../../api/objects.ts";
import type { ApplyCall, PatchCall, RemoveCall, StoreEvent } from "../memoryApi/store.ts";

/** The API server of a story, in memory or a real one that only this story writes to: reads are of what was written last. */
export interface StoryStore {
  /** Counts changes. */
  readonly version: number;
  /** The newest version of any object. */
  readonly resourceVersion: string;
  all(): readonly Manifest[];
  list(apiVersion: string, kind: string): readonly Manifest[];
  /** Changes after a count. */
  since(version: number): readonly StoreEvent[];
  get(ref: ObjectRef): Manifest | undefined;
  apply(object: Manifest, call: ApplyCall): Manifest | Promise<Manifest>;
  patch(ref: ObjectRef, patch: JsonObject, call: PatchCall): Manifest | Promise<Manifest>;
  remove(ref: ObjectRef, call: RemoveCall): Promise<"Deleted" | Manifest> | "Deleted" | Manifest;
}
