import fc from "fast-check";
import { expect, test } from "vitest";
import { identity, type ObjectRef } from "../../api/objects.ts";
import { applyOrder, pruneOrder, stages } from "./order.ts";

const of = (apiVersion: string, kind: string, name = "a", namespace = "n") => ({
  ref: { apiVersion, kind, namespace, name } satisfies ObjectRef,
});
const ALL = [
  of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
  of("fairlead.dev/v1alpha1", "ProgressiveRollout"),
  of("apps/v1", "Deployment"),
  of("x.dev/v1", "Boat"),
  of("gateway.networking.k8s.io/v1", "HTTPRoute"),
  of("v1", "Service"),
  of("v1", "Secret"),
  of("rbac.authorization.k8s.io/v1", "RoleBinding"),
  of("v1", "ServiceAccount"),
  of("v1", "Namespace"),
  of("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
  of("apiregistration.k8s.io/v1", "APIService"),
];
const kinds = (items: readonly { readonly ref: ObjectRef }[]) => items.map(({ ref }) => ref.kind);

test("applies in stages, each kind after what it needs", () => {
  expect(stages(ALL).map(({ name, items }) => [name, kinds(items)])).toEqual([
    ["Foundations", ["CustomResourceDefinition", "Namespace"]],
    ["Needs", ["ServiceAccount", "RoleBinding", "Secret", "Service"]],
    ["Workloads", ["Deployment", "Boat"]],
    ["Rollouts", ["HTTPRoute", "ProgressiveRollout"]],
    ["Gates", ["APIService", "ValidatingWebhookConfiguration"]],
  ]);
});

test("leaves out a stage without objects", () => {
  expect(stages([of("apps/v1", "Deployment")]).map(({ name }) => name)).toEqual(["Workloads"]);
});

test("deletes in reverse: webhooks first, custom resources before their CRD, namespaces near the end", () => {
  expect(kinds(pruneOrder(ALL))).toEqual(
    stages(ALL)
      .flatMap(({ items }) => kinds(items))
      .reverse(),
  );
  expect(kinds(pruneOrder(ALL)).slice(-2)).toEqual(["Namespace", "CustomResourceDefinition"]);
});

test.each([
  ["by group", of("a.dev/v1", "Z"), of("b.dev/v1", "A")],
  ["then by kind", of("a.dev/v1", "A", "z"), of("a.dev/v1", "B", "a")],
  ["then by namespace", of("apps/v1", "Deployment", "z", "a"), of("apps/v1", "Deployment", "a", "b")],
  ["a namespace before a longer one", of("apps/v1", "Deployment", "z", "a"), of("apps/v1", "Deployment", "a", "a-b")],
  ["then by name", of("apps/v1", "Deployment", "a"), of("apps/v1", "Deployment", "b")],
])("breaks ties %s", (_sentence, first, second) => {
  expect(applyOrder(first, second)).toBeLessThan(0);
  expect(applyOrder(second, first)).toBeGreaterThan(0);
});

const anyRef = fc.record({
  ref: fc.record({
    apiVersion: fc.constantFrom(
      "v1",
      "apps/v1",
      "x.dev/v1",
      "apiextensions.k8s.io/v1",
      "admissionregistration.k8s.io/v1",
    ),
    kind: fc.constantFrom(
      "Namespace",
      "Secret",
      "Deployment",
      "CustomResourceDefinition",
      "MutatingWebhookConfiguration",
    ),
    namespace: fc.constantFrom("a", "a-b", "b"),
    name: fc.constantFrom("x", "y", "z"),
  }),
});

test("the order is total and the same for every permutation", () => {
  const set = fc.uniqueArray(anyRef, { selector: ({ ref }) => identity(ref), maxLength: 25 });
  const permuted = set.chain((items) =>
    fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
  );
  fc.assert(
    fc.property(permuted, ([items, shuffled]) => {
      expect(stages(shuffled)).toEqual(stages(items));
      expect(pruneOrder(shuffled)).toEqual(pruneOrder(items));
      const flat = stages(items).flatMap((stage) => stage.items);
      expect(flat).toHaveLength(items.length);
      flat.slice(1).forEach((item, i) => {
        const former = flat[i];
        expect(former === undefined ? 0 : applyOrder(former, item)).toBeLessThan(0);
      });
    }),
    { numRuns: 200 },
  );
});
