import { expect, test } from "vitest";
import { identity, type Manifest, type ObjectRef } from "../../api/objects.ts";
import { entryFor } from "./inventory.ts";
import { ownerMark } from "./owner.ts";
import { type PruneDecision, type PruneInput, planPrune } from "./prune.ts";

const SYNC = { namespace: "team", name: "shop" };
const OTHER = { namespace: "team", name: "other" };
const map = (name: string, namespace = "shop"): ObjectRef => ({ apiVersion: "v1", kind: "ConfigMap", namespace, name });
const names = (n: number, prefix = "c") => Array.from({ length: n }, (_, i) => map(`${prefix}${i}`));

/** A live object as our apply left it. */
const live = (ref: ObjectRef, metadata: Partial<Manifest["metadata"]> = {}): Manifest => ({
  apiVersion: ref.apiVersion,
  kind: ref.kind,
  metadata: {
    name: ref.name,
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    uid: `uid-${ref.name}`,
    resourceVersion: "7",
    annotations: { "fairlead.dev/owner": ownerMark(SYNC, ref) },
    ...metadata,
  },
});
const annotated = (ref: ObjectRef, more: Record<string, string>, sync = SYNC) =>
  live(ref, { annotations: { "fairlead.dev/owner": ownerMark(sync, ref), ...more } });
const entry = (ref: ObjectRef) => entryFor(ref, `uid-${ref.name}`);

/** A sync that has `stay` and no longer wants `go`; by default both are as we left them, and all is well. */
function plan(go: readonly ObjectRef[], stay: readonly ObjectRef[], input: Partial<PruneInput> = {}): PruneDecision {
  const objects = new Map([...go, ...stay].map((ref) => [identity(ref), live(ref)]));
  return planPrune({
    inventory: [...go, ...stay].map(entry),
    wanted: new Set(stay.map(identity)),
    live: (id) => objects.get(id),
    sync: SYNC,
    operatorNamespace: "fairlead",
    healthy: true,
    rolloutsAtRest: true,
    confirmed: false,
    enabled: true,
    ...input,
  });
}

test("has nothing to do while Git wants everything", () => {
  expect(plan([], names(3))).toEqual({ kind: "Nothing" });
});

test("removes the very object that was applied", () => {
  expect(plan([map("old")], names(3))).toEqual({
    kind: "Prune",
    remove: [{ id: "/ConfigMap/shop/old", ref: map("old"), uid: "uid-old", resourceVersion: "7" }],
    forget: [],
    keep: [],
  });
});

test("an apply that a crash cut off left no uid: the mark is the proof", () => {
  const inventory = [entryFor(map("old")), ...names(3).map(entry)];
  expect(plan([map("old")], names(3), { inventory })).toMatchObject({ remove: [{ uid: "uid-old" }] });
});

const old = map("old");
test.each<[string, Manifest | undefined | "Unreadable", object]>([
  ["forgets an object that is gone", undefined, { forget: [{ why: "Absent" }] }],
  ["forgets another object of the same name", live(old, { uid: "new" }), { forget: [{ why: "Replaced" }] }],
  ["forgets an object whose mark was taken off", live(old, { annotations: {} }), { forget: [{ why: "Unmarked" }] }],
  [
    "forgets an object whose mark is a copy",
    live(old, { annotations: { "fairlead.dev/owner": ownerMark(SYNC, map("copied")) } }),
    { forget: [{ why: "Unmarked" }] },
  ],
  ["forgets an object that another sync owns now", annotated(old, {}, OTHER), { forget: [{ why: "OwnedByOther" }] }],
  [
    "forgets an object that says so",
    annotated(old, { "fairlead.dev/prune": "disabled" }),
    { forget: [{ why: "PruneDisabled", message: "ConfigMap shop/old stays: fairlead.dev/prune is disabled on it" }] },
  ],
  ["keeps what it can't read", "Unreadable", { keep: [{ why: "Unreadable" }] }],
  ["keeps what was answered under a wrong name", live(map("else")), { keep: [{ why: "Unreadable" }] }],
  [
    "keeps what is already on its way out",
    live(old, { deletionTimestamp: "t", finalizers: ["x.dev/f"] }),
    { keep: [{ why: "Terminating", message: "ConfigMap shop/old is being deleted; it waits for x.dev/f" }] },
  ],
])("%s", (_sentence, object, decision) => {
  expect(plan([old], names(3), { live: () => object })).toMatchObject({ kind: "Prune", remove: [], ...decision });
});

test.each([
  ["in kube-system", map("x", "kube-system"), "Protected"],
  ["beside Fairlead", map("x", "fairlead"), "Protected"],
  ["in another namespace of Kubernetes", map("x", "kube-flannel"), "Protected"],
  ["kube-system itself", { apiVersion: "v1", kind: "Namespace", name: "kube-system" }, "Protected"],
  ["the sync itself", { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync", ...SYNC }, "Itself"],
])("never deletes, even confirmed: %s", (_sentence, ref, why) => {
  expect(plan([ref], names(3), { confirmed: true })).toMatchObject({ kind: "Prune", remove: [], forget: [{ why }] });
});

test("an object that another sync wants waits for it, and keeps its uid", () => {
  expect(plan([old], names(3), { claimedBy: () => "team/other" })).toMatchObject({
    remove: [],
    keep: [{ why: "Claimed", message: "ConfigMap shop/old is taken over by GitSync team/other" }],
  });
});

test("an object that is wanted under its new group is not deleted under the former one", () => {
  const before = { apiVersion: "extensions/v1beta1", kind: "Ingress", namespace: "shop", name: "i" };
  const now = { ...before, apiVersion: "networking.k8s.io/v1" };
  expect(plan([before], [now, ...names(3)])).toMatchObject({ remove: [], forget: [{ why: "Replaced" }] });
});

test("keeps an entry that names no object", () => {
  const inventory = [{ id: "nonsense", apiVersion: "v1" }, ...names(3).map(entry)];
  expect(plan([], names(3), { inventory })).toMatchObject({ remove: [], keep: [{ why: "Malformed" }] });
});

test.each([
  [
    "prune is off",
    { enabled: false, healthy: false },
    "Disabled",
    "spec.prune is false, so 1 object that Git no longer has stay.",
  ],
  [
    "the set is not healthy",
    { healthy: false },
    "Unhealthy",
    "The deletion of ConfigMap shop/old waits until every object of the set is applied and healthy.",
  ],
  [
    "a rollout is under way",
    { rolloutsAtRest: false },
    "RolloutUnderWay",
    "The deletion of ConfigMap shop/old waits until no rollout of the set is under way.",
  ],
  [
    "another sync may take the object over",
    { unasked: ["team/other"] },
    "Unasked",
    "The deletion of ConfigMap shop/old waits until GitSync team/other has looked at this commit.",
  ],
])("defers while %s", (_sentence, input, because, message) => {
  expect(plan([old], names(3), input)).toEqual({ kind: "Deferred", because, reason: "PruneDeferred", message });
});

test("alarms nobody before the other syncs have looked: they may take everything over", () => {
  expect(plan(names(9), [], { unasked: ["team/other"] })).toMatchObject({ kind: "Deferred", because: "Unasked" });
});

test("forgets without waiting: nothing is deleted by that", () => {
  expect(plan([old], names(3), { healthy: false, live: () => undefined })).toMatchObject({ kind: "Prune", remove: [] });
});

const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "shop", name: "data" };
test.each([
  ["everything, be it one object", [old], [], "Held"],
  ["everything of many", names(10), [], "Held"],
  ["more than half, from five on", names(5), names(4, "s"), "Held"],
  ["half", names(5), names(5, "s"), "Prune"],
  ["more than half of few", names(4), names(1, "s"), "Prune"],
  ["a claim", [claim], names(9), "Held"],
  ["a volume", [{ apiVersion: "v1", kind: "PersistentVolume", name: "v" }], names(9), "Held"],
  ["a namespace", [{ apiVersion: "v1", kind: "Namespace", name: "n" }], names(9), "Held"],
  ["a CRD", [{ apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: "c" }], names(9), "Held"],
])("the guard, when %s would go", (_sentence, go, stay, kind) => {
  expect(plan(go, stay).kind).toBe(kind);
  expect(plan(go, stay, { healthy: false }).kind).toBe(kind === "Held" ? "Held" : "Deferred");
  expect(plan(go, stay, { confirmed: true })).toMatchObject({ kind: "Prune", remove: { length: go.length } });
  expect(plan(go, stay, { confirmed: true, healthy: false }).kind).toBe("Deferred");
});

test("an unreadable object doesn't weaken the guard", () => {
  const objects = names(3);
  const decision = plan(objects, [], { live: (id) => (id.endsWith("c0") ? "Unreadable" : live(map(id.slice(-2)))) });
  expect(decision.kind).toBe("Held");
});

test("what is held is listed, with both ways out", () => {
  expect(plan(names(12), names(2, "s"))).toEqual({
    kind: "Held",
    reason: "PruneHeld",
    message: expect.stringMatching(
      /^The deletion of 12 of 14 objects, more than half, is held: ConfigMap shop\/c9, .*, and 2 more; to delete, push a commit whose message ends with the line "Fairlead-Prune: confirm", to keep, put the manifests back\.$/,
    ),
    ids: expect.arrayContaining(names(12).map(identity)),
  });
  expect(plan([claim], names(9))).toMatchObject({
    message: expect.stringContaining("1 object, and with PersistentVolumeClaim shop/data all that is inside, is held"),
  });
});

test("a definition that is held says how many objects of other origin would go with it", () => {
  const crd = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: "boats.x.dev" };
  const boat = { apiVersion: "x.dev/v1", kind: "Boat", namespace: "shop", name: "b" };
  const spec = { group: "x.dev", names: { kind: "Boat" }, versions: [{ name: "v1", served: true }] };
  const objects = new Map([crd, boat].map((ref) => [identity(ref), { ...live(ref), spec }]));
  const decision = (total: number | undefined) =>
    plan([boat, crd], names(9), { live: (id) => objects.get(id), inhabitants: () => total });
  const list = (text: string) => ({ message: expect.stringContaining(`is held: ${text}, Boat shop/b;`) });
  expect(decision(3)).toMatchObject(list("CustomResourceDefinition boats.x.dev with 2 objects of other origin"));
  expect(decision(1)).toMatchObject(list("CustomResourceDefinition boats.x.dev"));
  expect(decision(undefined)).toMatchObject(list("CustomResourceDefinition boats.x.dev"));
});

test("deletes custom resources before their CRD", () => {
  const crd = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: "boats.x.dev" };
  const boat = { apiVersion: "x.dev/v1", kind: "Boat", namespace: "shop", name: "b" };
  const decision = plan([crd, boat], names(9), { confirmed: true });
  expect(decision.kind === "Prune" && decision.remove.map(({ ref }) => ref.kind)).toEqual([
    "Boat",
    "CustomResourceDefinition",
  ]);
});

test("P39: what the pods of a revision need stays until that is gone, and holds nothing else up", () => {
  const decision = plan([map("settings-old"), map("old")], names(3), {
    neededBy: ({ name }) => (name === "settings-old" ? "web-h4sh" : undefined),
  });
  expect(decision).toMatchObject({
    kind: "Prune",
    remove: [{ ref: map("old") }],
    keep: [
      {
        why: "Needed",
        message: "ConfigMap shop/settings-old stays until revision web-h4sh, whose pods use it, is gone",
      },
    ],
  });
});

test("what cannot be read counts as going: nearly everything would go in two helpings else", () => {
  const objects = names(5);
  const input = { live: (id: string) => (id.endsWith("c0") ? ("Unreadable" as const) : live(map(id.slice(-2)))) };
  const held = plan(objects, [map("stays")], input);
  expect(held).toMatchObject({ kind: "Held", message: expect.stringContaining("5 of 6 objects, more than half") });
  expect(plan(objects, names(6, "s"), input)).toMatchObject({ kind: "Prune", keep: [{ why: "Unreadable" }] });
  expect(plan(objects, [map("stays")], { ...input, confirmed: true })).toMatchObject({ kind: "Prune" });
});
