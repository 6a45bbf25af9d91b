import { expect, test } from "vitest";
import { identity, type ObjectRef } from "../../api/objects.ts";
import type { Member } from "./desiredSet.ts";
import { entryFor, planned, prunable, refOfEntry, withApplied, withoutPruned } from "./inventory.ts";

const ref = (name: string, apiVersion = "apps/v1"): ObjectRef => ({
  apiVersion,
  kind: "Deployment",
  namespace: "n",
  name,
});
const member = (name: string, served: Member["served"] = "Yes", apiVersion = "apps/v1"): Member => ({
  id: identity(ref(name, apiVersion)),
  ref: ref(name, apiVersion),
  object: { apiVersion, kind: "Deployment", metadata: { name } },
  position: { file: "a.yaml", line: 1, column: 1 },
  served,
  aliases: [],
});
const id = (name: string) => identity(ref(name));

test("plans the union of what is recorded and what is wanted, sorted, with the recorded uids", () => {
  expect(planned([entryFor(ref("z"), "uz"), entryFor(ref("b"), "ub")], [member("b"), member("a")])).toEqual([
    entryFor(ref("a")),
    entryFor(ref("b"), "ub"),
    entryFor(ref("z"), "uz"),
  ]);
});

test("plans an object that is no longer there without its uid: what is applied in its place has another", () => {
  const stored = [entryFor(ref("a"), "ua"), entryFor(ref("b"), "ub")];
  expect(planned(stored, [member("a"), member("b")], ({ id: one }) => one !== id("a"))).toEqual([
    entryFor(ref("a")),
    entryFor(ref("b"), "ub"),
  ]);
});

test("planning twice is planning once", () => {
  const once = planned([], [member("b"), member("a")]);
  expect(planned(once, [member("a"), member("b")])).toEqual(once);
});

test("a new version of an object keeps its entry and uid", () => {
  expect(planned([entryFor(ref("a"), "ua")], [member("a", "Yes", "apps/v2")])).toEqual([
    { id: id("a"), apiVersion: "apps/v2", uid: "ua" },
  ]);
});

test("doesn't plan an object whose kind is unknown, and keeps it if it is recorded", () => {
  expect(planned([], [member("a", "No"), member("b", "AfterItsCRD")])).toEqual([entryFor(ref("b"))]);
  expect(planned([entryFor(ref("a"), "ua")], [member("a", "No")])).toEqual([entryFor(ref("a"), "ua")]);
});

test("records uids of what was planned, and nothing else", () => {
  const uids = new Map([
    [id("a"), "u1"],
    [id("x"), "u2"],
  ]);
  expect(withApplied(planned([], [member("a"), member("b")]), uids)).toEqual([
    entryFor(ref("a"), "u1"),
    entryFor(ref("b")),
  ]);
});

test("what is no longer wanted may be pruned", () => {
  expect(prunable([entryFor(ref("a"), "ua"), entryFor(ref("b"), "ub")], [member("b")])).toEqual([
    entryFor(ref("a"), "ua"),
  ]);
});

test("an alias of an unknown kind is still wanted", () => {
  const other = { ...member("b", "No"), aliases: [id("a")] };
  expect(prunable([entryFor(ref("a"), "ua")], [other])).toEqual([]);
});

test("what wasn't pruned survives", () => {
  expect(withoutPruned([entryFor(ref("a")), entryFor(ref("b"))], [id("a"), id("x")])).toEqual([entryFor(ref("b"))]);
});

test.each<ObjectRef>([
  ref("web"),
  { apiVersion: "v1", kind: "Namespace", name: "shop" },
  { apiVersion: "v1", kind: "Secret", namespace: "n", name: "s" },
  { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name: "system:a" },
])("an entry leads back to its object: $kind", (object) => {
  expect(refOfEntry(entryFor(object))).toEqual(object);
});

test.each([
  ["too few parts", { id: "apps/Deployment/n", apiVersion: "apps/v1" }],
  ["too many parts", { id: "apps/Deployment/n/a/b", apiVersion: "apps/v1" }],
  ["no name", { id: "apps/Deployment/n/", apiVersion: "apps/v1" }],
  ["a group that the apiVersion isn't of", { id: "apps/Deployment/n/a", apiVersion: "v1" }],
  ["no apiVersion", { id: "/Secret/n/a", apiVersion: "" }],
])("an edited entry names no object: %s", (_sentence, entry) => {
  expect(refOfEntry(entry)).toBeUndefined();
});
