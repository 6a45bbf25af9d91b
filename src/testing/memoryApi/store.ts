import { isObject, type Json, type JsonObject, sameJson } from "../../api/json.ts";
import { identity, type Manifest, type ObjectRef, refOf, title } from "../../api/objects.ts";
import { ApiError } from "../../ports/cluster.ts";
import { defaulted } from "./defaults.ts";
import {
  compare,
  difference,
  FieldSet,
  fieldsOf,
  intersection,
  isNothing,
  toFieldsV1,
  union,
  withoutNulls,
} from "./fieldSet.ts";
import { merged } from "./merge.ts";
import { filled, isCounted, keptMetadata, stripped, WITHOUT_STATUS } from "./metadata.ts";
import { ownable, pruned, sameOwners, withoutEmpty } from "./ownership.ts";
import { assertImmutable, assertPresent, conflict, notFound } from "./refusals.ts";
import { typeOf } from "./types.ts";

/** Who writes. */
export interface Writer {
  readonly manager: string;
}

/** A server-side apply. */
export interface ApplyCall extends Writer {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly resourceVersion?: string;
}

/** A merge patch. */
export interface PatchCall extends Writer {
  readonly subresource?: "status";
}

/** What a deletion insists on. */
export interface RemoveCall {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** One change of a stored object, as watches tell of it. */
export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Manifest;
  readonly version: number;
}

interface Stored {
  readonly object: Manifest;
  /** What each manager owns, by name, operation and subresource. */
  readonly owned: ReadonlyMap<string, FieldSet>;
}

/** Kinds that count the changes of their spec. */
const UNCOUNTED = ["ConfigMap", "ServiceAccount", "Service", "Namespace"];

/**
 * An API server in memory: server-side apply with owners of fields, merge patches, deletions with finalizers and preconditions, and
 * namespaces that end. A conformance suite plays the same calls on it and on a real one. It does not model: admission, schemas
 * and their defaults (but for the kinds of `defaults.ts`), other versions of a kind, garbage collection, the order of items in
 * keyed lists, empty maps that typed kinds drop, JSON patches, or duplicate keys in a list.
 */
export class MemoryStore {
  readonly #objects = new Map<string, Stored>();
  readonly #events: StoreEvent[] = [];
  #version = 100;
  #uid = 0;

  /** The version of the last change. */
  get version(): number {
    return this.#version;
  }

  /** The same as the API server writes it. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  /** All objects. */
  all(): readonly Manifest[] {
    return [...this.#objects.values()].map(({ object }) => object);
  }

  /** The objects of a kind. */
  list(apiVersion: string, kind: string): readonly Manifest[] {
    return this.all().filter((object) => object.apiVersion === apiVersion && object.kind === kind);
  }

  /** Changes after a version. */
  since(version: number): readonly StoreEvent[] {
    return this.#events.filter((event) => event.version > version);
  }

  /** An object, or undefined. */
  get(ref: ObjectRef): Manifest | undefined {
    return this.#objects.get(identity(ref))?.object;
  }

  /** What managers own of an object, in the form of `managedFields`. */
  managers(ref: ObjectRef): Readonly<Record<string, JsonObject>> {
    const owned = this.#objects.get(identity(ref))?.owned ?? [];
    return Object.fromEntries([...owned].map(([name, set]) => [name, toFieldsV1(set)]));
  }

  /** Server-side apply. */
  apply(wanted: Manifest, call: ApplyCall): Manifest {
    const ref = refOf(wanted);
    const type = typeOf(wanted.apiVersion, wanted.kind);
    const applied = stripped(wanted);
    const name = `${call.manager} Apply`;
    const given = fieldsOf(applied, type);
    const fields = ownable(given);
    const before = this.#objects.get(identity(ref));
    if (before === undefined) {
      if (call.resourceVersion !== undefined) throw conflict(ref, "the object to be updated does not exist");
      return this.#create(applied, new Map([[name, fields]]), call.dryRun === true);
    }
    const live = before.object;
    if (call.resourceVersion !== undefined && call.resourceVersion !== live.metadata.resourceVersion) {
      throw conflict(
        ref,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    }
    const owned = new Map(before.owned);
    const last = owned.get(name);
    owned.set(name, fields);
    const all = merged(live, applied, type);
    const kept = last === undefined ? all : pruned(all, last, [...owned.values(), given], type);
    const change = compare(live, kept, type);
    const changed = union(change.added, change.modified);
    for (const [other, set] of owned) {
      if (other === name) continue;
      const lost = intersection(set, changed);
      if (!lost.empty && call.force !== true) {
        throw conflict(ref, `another manager owns ${JSON.stringify(toFieldsV1(lost))}`);
      }
      owned.set(other, difference(difference(set, lost), change.removed));
    }
    return this.#update(before, withoutNulls(kept) as Manifest, owned, call.dryRun === true);
  }

  /** A merge patch of an object or its status. */
  patch(ref: ObjectRef, patch: JsonObject, call: PatchCall): Manifest {
    const before = this.#objects.get(identity(ref));
    if (before === undefined) throw notFound(ref);
    const live = before.object;
    const expected = isObject(patch["metadata"]) ? patch["metadata"]["resourceVersion"] : undefined;
    if (expected !== undefined && expected !== live.metadata.resourceVersion) {
      throw conflict(
        ref,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    }
    const wanted = patchedBy(live, patch) as Manifest;
    const after = call.subresource === "status" ? { ...live, status: wanted["status"] } : this.#mainPart(live, wanted);
    const name = `${call.manager} Update${call.subresource === undefined ? "" : ` ${call.subresource}`}`;
    const type = typeOf(ref.apiVersion, ref.kind);
    const complete = defaulted(after);
    const change = compare(live, complete, type);
    const changed = ownable(union(change.added, change.modified));
    const owned = new Map<string, FieldSet>();
    for (const [other, set] of before.owned)
      owned.set(other, difference(other === name ? set : difference(set, changed), change.removed));
    const mine = union(owned.get(name) ?? new FieldSet(), changed);
    owned.set(name, mine);
    return this.#update(before, complete, owned, false);
  }

  /** Deletes an object, or begins to when finalizers keep it. */
  remove(ref: ObjectRef, call: RemoveCall): "Deleted" | Manifest {
    const before = this.#objects.get(identity(ref));
    if (before === undefined) throw notFound(ref);
    const { metadata } = before.object;
    if (call.uid !== undefined && call.uid !== metadata.uid)
      throw conflict(ref, "the UID in the precondition does not match");
    if (call.resourceVersion !== undefined && call.resourceVersion !== metadata.resourceVersion) {
      throw conflict(ref, "the ResourceVersion in the precondition does not match");
    }
    if (!isNothing(metadata.finalizers) || ref.kind === "Namespace") {
      if (metadata.deletionTimestamp !== undefined) return before.object;
      const ending = { ...metadata, deletionTimestamp: TIME, deletionGracePeriodSeconds: 0 };
      const status = ref.kind === "Namespace" ? { status: { phase: "Terminating" } } : {};
      return this.#update(before, { ...before.object, metadata: ending, ...status }, before.owned, false);
    }
    this.#forget(before);
    return "Deleted";
  }

  /** Ends a namespace that is being deleted: everything in it goes, then itself. */
  endNamespace(name: string): void {
    const ref = { apiVersion: "v1", kind: "Namespace", name };
    const before = this.#objects.get(identity(ref));
    if (before?.object.metadata.deletionTimestamp === undefined) return;
    for (const stored of [...this.#objects.values()])
      if (stored.object.metadata.namespace === name) this.#forget(stored);
    this.#forget(before);
  }

  #mainPart(live: Manifest, wanted: Manifest): Manifest {
    if (WITHOUT_STATUS.includes(live.kind)) return wanted;
    const { status: _, ...rest } = wanted;
    return (live["status"] === undefined ? rest : { ...rest, status: live["status"] }) as Manifest;
  }

  #create(applied: Manifest, owned: ReadonlyMap<string, FieldSet>, dryRun: boolean): Manifest {
    const { namespace } = applied.metadata;
    if (namespace !== undefined) {
      const home = this.get({ apiVersion: "v1", kind: "Namespace", name: namespace });
      if (home === undefined) throw notFound({ apiVersion: "v1", kind: "Namespace", name: namespace });
      if (home.metadata.deletionTimestamp !== undefined) {
        const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
        throw new ApiError("Forbidden", `cannot apply ${title(refOf(applied))}: ${message}`, { code: 403 });
      }
    }
    const { status: _, ...rest } = applied;
    const complete = defaulted((WITHOUT_STATUS.includes(applied.kind) ? applied : rest) as Manifest);
    assertPresent(complete);
    const counted = UNCOUNTED.includes(applied.kind) ? {} : { generation: 1 };
    const metadata = { ...filled(complete.metadata), uid: `uid-${++this.#uid}`, creationTimestamp: TIME, ...counted };
    return this.#store({ object: { ...complete, metadata }, owned: withoutEmpty(owned) }, "ADDED", dryRun);
  }

  #update(before: Stored, wanted: Manifest, owned: ReadonlyMap<string, FieldSet>, dryRun: boolean): Manifest {
    const complete = defaulted(wanted);
    assertPresent(complete);
    assertImmutable(before.object, complete);
    const live = before.object;
    const held = withoutEmpty(owned);
    const metadata = keptMetadata(live.metadata, complete.metadata);
    let object: Manifest = { ...complete, metadata };
    if (live.metadata.generation !== undefined && isCounted(live, object)) {
      object = { ...object, metadata: { ...object.metadata, generation: live.metadata.generation + 1 } };
    }
    const same = sameJson(live as JsonObject, object as JsonObject) && sameOwners(before.owned, held);
    if (same) return live;
    if (
      object.metadata.deletionTimestamp !== undefined &&
      isNothing(object.metadata.finalizers) &&
      object.kind !== "Namespace"
    ) {
      if (!dryRun) this.#forget({ object, owned: held });
      return object;
    }
    return this.#store({ object, owned: held }, "MODIFIED", dryRun);
  }

  #store(stored: Stored, type: "ADDED" | "MODIFIED", dryRun: boolean): Manifest {
    if (dryRun) return stored.object;
    const version = ++this.#version;
    const metadata = { ...stored.object.metadata, resourceVersion: String(version) };
    const object = { ...stored.object, metadata };
    this.#objects.set(identity(refOf(object)), { ...stored, object });
    this.#events.push({ type, object, version });
    return object;
  }

  #forget({ object }: Stored): void {
    const version = ++this.#version;
    this.#objects.delete(identity(refOf(object)));
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    this.#events.push({ type: "DELETED", object: { ...object, metadata }, version });
  }
}

/** All times are the same: nothing that is tested depends on them. */
const TIME = "2026-01-01T00:00:00Z";

/** Puts a merge patch (RFC 7396) over a value. */
function patchedBy(value: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json | undefined> = isObject(value) ? { ...value } : {};
  for (const [name, below] of Object.entries(patch)) {
    if (below === null) delete result[name];
    else if (below !== undefined) result[name] = patchedBy(result[name] ?? null, below);
  }
  return result;
}
