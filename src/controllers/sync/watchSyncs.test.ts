import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import type { Change, Watcher } from "../../ports/watch.ts";
import { SyncStates } from "./state.ts";
import { watchSyncs } from "./watchSyncs.ts";

const before: Manifest = {
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "GitSync",
  metadata: { name: "app", namespace: "shop", generation: 1, resourceVersion: "1" },
  status: {},
};
const now: Manifest = { ...before, metadata: { ...before.metadata, resourceVersion: "2" }, status: { objects: 1 } };
const asked = { ...now, metadata: { ...now.metadata, annotations: { "fairlead.dev/requested-at": "now" } } };
const deleted = { ...now, metadata: { ...now.metadata, deletionTimestamp: "2026-11-25T00:00:00Z" } };

const anew: Manifest = { ...before, metadata: { ...before.metadata, uid: "former" } };

/** Listens to syncs, and tells of changes. */
function scene() {
  const told: string[] = [];
  let tell: (change: Change) => void = () => undefined;
  const watcher = {
    watch: (_query: unknown, onChange: (change: Change) => void) => {
      tell = onChange;
    },
  } as unknown as Watcher;
  const states = new SyncStates();
  const listeners = { states, now: () => 5, wake: () => told.push("wake"), changed: () => told.push("changed") };
  watchSyncs(watcher, listeners, AbortSignal.abort());
  return { told, states, tell };
}

test.each<[string, Omit<Change, "key">, readonly string[]]>([
  ["a sync that comes", { before: undefined, now }, ["changed", "wake"]],
  ["a change by somebody else", { before, now }, ["changed", "wake"]],
  ["a word of our own about it", { before, now, own: true }, ["changed"]],
  ["one that brings a request along", { before, now: asked, own: true }, ["changed", "wake"]],
  ["one that brings a deletion along", { before, now: deleted, own: true }, ["changed", "wake"]],
  ["an own word to one that was made anew", { before: anew, now, own: true }, ["changed", "wake"]],
  ["a sync that goes", { before, now: undefined }, ["changed", "wake"]],
])("%s: who is woken", (_name, change, woken) => {
  const { told, states, tell } = scene();
  tell({ key: "shop/app", ...change });
  expect(told).toEqual(woken);
  expect(states.known("shop/app")?.heard?.at).toBe(change.now === undefined ? undefined : 5);
});

test("a sync that was made anew has nothing of the one before, however soon", () => {
  const { states, tell } = scene();
  tell({ key: "shop/app", before: undefined, now: before });
  states.of("shop/app").asked = "1//";
  tell({ key: "shop/app", before, now });
  expect(states.known("shop/app")?.asked).toBe("1//");
  tell({ key: "shop/app", before: now, now: anew });
  expect(states.known("shop/app")).toMatchObject({ asked: "", heard: { at: 5 } });
  tell({ key: "shop/app", before: anew, now: undefined });
  expect(states.known("shop/app")).toBeUndefined();
});
