import { expect, test } from "vitest";
import type { JsonObject } from "../api/json.ts";
import type { Manifest } from "../api/objects.ts";
import { parseGitSync } from "../api/v1alpha1/gitsync.ts";
import type { EventNote } from "../ports/events.ts";
import { isSchemaError, releaseInvalid, reportInvalid } from "./invalid.ts";

const { signal } = new AbortController();
const NOW = Date.UTC(2026, 0, 1);

function broken(metadata: Partial<Manifest["metadata"]> = {}): Manifest {
  return {
    apiVersion: "fairlead.dev/v1alpha1",
    kind: "GitSync",
    metadata: { name: "web", namespace: "shop", generation: 3, resourceVersion: "7", ...metadata },
    spec: { interval: "soon" },
    status: { inventory: [{ id: "/ConfigMap/shop/a", apiVersion: "v1" }] },
  };
}

function rig() {
  const patches: JsonObject[] = [];
  const notes: EventNote[] = [];
  const cluster = {
    patch: async (_ref: unknown, patch: JsonObject): Promise<Manifest> => {
      patches.push(patch);
      return broken();
    },
  };
  const parts = {
    cluster: cluster as never,
    events: { note: (_about: Manifest, note: EventNote) => notes.push(note) },
    put: () => {},
  };
  return { parts, patches, notes };
}

function errorOf(object: Manifest): unknown {
  try {
    parseGitSync(object);
  } catch (error) {
    return error;
  }
  throw new Error("it can be read");
}

test("a resource that cannot be read says where and how to mend it, and keeps its inventory", async () => {
  const { parts, patches, notes } = rig();
  const error = errorOf(broken());
  if (!isSchemaError(error)) throw error;
  await reportInvalid(parts, broken(), error, NOW, signal);
  const [patch] = patches;
  expect(Object.keys(patch?.["status"] as JsonObject)).toEqual(["conditions"]);
  expect(JSON.stringify(patch)).toContain("url: ");
  expect(JSON.stringify(patch)).toContain("interval: ");
  expect(notes).toMatchObject([{ type: "Warning", reason: "InvalidSpec" }]);
});

test("one that is deleted goes, with a word on what stays behind, and keeps the finalizers of others", async () => {
  const { parts, patches, notes } = rig();
  await releaseInvalid(parts, broken({ finalizers: ["other/one", "fairlead.dev/finalizer"] }), signal);
  expect(patches).toEqual([{ metadata: { resourceVersion: "7", finalizers: ["other/one"] } }]);
  expect(notes).toMatchObject([{ type: "Warning", reason: "InvalidSpec" }]);
});

test("one that has no finalizer of ours is left alone", async () => {
  const { parts, patches } = rig();
  await releaseInvalid(parts, broken(), signal);
  expect(patches).toEqual([]);
});

test("another error is no complaint of the schema", () => {
  expect(isSchemaError(new Error("x"))).toBe(false);
});
