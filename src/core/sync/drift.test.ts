import { expect, test } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { differs } from "./drift.ts";

const object = (
  rest: JsonObject,
  metadata: JsonObject = {},
  apiVersion = "apps/v1",
  kind = "Deployment",
): Manifest => ({
  ...rest,
  apiVersion,
  kind,
  metadata: { name: "web", namespace: "shop", ...metadata } as Manifest["metadata"],
});
const container = (rest: JsonObject): JsonObject => ({
  template: { spec: { containers: [{ name: "web", ...rest }] } },
});
const env = (...names: readonly string[]) => container({ env: names.map((name) => ({ name, value: name })) });

test.each<[string, JsonObject, JsonObject, JsonObject, string | undefined]>([
  ["nothing changed", { replicas: 2 }, { replicas: 2 }, { replicas: 2 }, undefined],
  [
    "a quantity that the server normalised",
    container({ cpu: "1000m" }),
    container({ cpu: "1" }),
    container({ cpu: "1" }),
    undefined,
  ],
  [
    "a default that the server filled in",
    { a: 1 },
    { a: 1, strategy: "Rolling" },
    { a: 1, strategy: "Rolling" },
    undefined,
  ],
  ["an integer or a string", { port: "80" }, { port: 80 }, { port: 80 }, undefined],
  ["a field that others added", { a: 1 }, { a: 1 }, { a: 1, b: 2 }, undefined],
  ["a map that others filled", { resources: {} }, {}, { resources: { limits: { cpu: "1" } } }, undefined],
  ["a null leaves the field to others", { replicas: null }, { replicas: 1 }, { replicas: 5 }, undefined],
  ["an empty map that the server dropped", { a: {} }, {}, {}, undefined],
  ["an empty list that the server dropped", { a: [] }, {}, { a: [] }, undefined],
  ["a null inside a list item", container({ x: null }), container({}), container({}), undefined],
  ["an empty environment value", env("A"), env("A"), env("A"), undefined],
  ["a field that the server pruned as unknown", { typo: 1 }, {}, {}, undefined],
  [
    "containers in another order",
    { containers: [{ name: "a" }, { name: "b" }] },
    { containers: [{ name: "a" }, { name: "b" }] },
    { containers: [{ name: "b" }, { name: "a" }] },
    undefined,
  ],
  [
    "a sidecar that was injected",
    container({ image: "i" }),
    container({ image: "i" }),
    { template: { spec: { containers: [{ name: "web", image: "i" }, { name: "proxy" }] } } },
    undefined,
  ],
  ["a foreign variable appended", env("A"), env("A"), env("A", "B"), undefined],
  ["a foreign variable of the record is gone", env("A"), env("A", "B"), env("A"), undefined],
  ["replicas changed", { replicas: 2 }, { replicas: 2 }, { replicas: 5 }, "/spec/replicas"],
  [
    "a quantity changed",
    container({ cpu: "1000m" }),
    container({ cpu: "1" }),
    container({ cpu: "2" }),
    "/spec/template/spec/containers/name=web/cpu",
  ],
  ["a variable removed", env("A", "B"), env("A", "B"), env("A"), "/spec/template/spec/containers/name=web/env/name=B"],
  ["an empty list that others filled", { args: [] }, {}, { args: ["-x"] }, "/spec/args"],
  ["a field removed", { a: { b: 1 } }, { a: { b: 1 } }, { a: {} }, "/spec/a/b"],
  ["a map replaced by a scalar", { a: { b: 1 } }, { a: { b: 1 } }, { a: "x" }, "/spec/a/b"],
  [
    "an item of a list of scalars changed",
    { args: ["a", "b"] },
    { args: ["a", "b"] },
    { args: ["b", "a"] },
    "/spec/args",
  ],
  [
    "a mount moved",
    {
      volumeMounts: [
        { name: "v", mountPath: "/a" },
        { name: "v", mountPath: "/b" },
      ],
    },
    {
      volumeMounts: [
        { name: "v", mountPath: "/a" },
        { name: "v", mountPath: "/b" },
      ],
    },
    {
      volumeMounts: [
        { name: "v", mountPath: "/a" },
        { name: "v", mountPath: "/c" },
      ],
    },
    "/spec/volumeMounts/mountPath=~1b",
  ],
  [
    "ports that nothing tells apart",
    {
      ports: [
        { port: 53, p: "TCP" },
        { port: 53, p: "UDP" },
      ],
    },
    {
      ports: [
        { port: 53, p: "TCP" },
        { port: 53, p: "UDP" },
      ],
    },
    { ports: [{ port: 53, p: "TCP" }] },
    "/spec/ports",
  ],
  [
    "one more backend in a list that isn't shared",
    { backendRefs: [{ name: "web" }] },
    { backendRefs: [{ name: "web" }] },
    { backendRefs: [{ name: "web" }, { name: "evil" }] },
    "/spec/backendRefs/name=evil",
  ],
  [
    "a key of the prototype",
    JSON.parse('{"__proto__":{"a":1}}'),
    JSON.parse('{"__proto__":{"a":1}}'),
    {},
    "/spec/__proto__/a",
  ],
])("%s", (_sentence, desired, recorded, live, path) => {
  expect(differs(object({ spec: desired }), object({ spec: recorded }), object({ spec: live }))).toBe(path);
});

test("a foreign item in a list of a custom resource is drift", () => {
  const boat = (...names: readonly string[]): Manifest =>
    object({ spec: { env: names.map((name) => ({ name })) } }, {}, "x.dev/v1", "Boat");
  expect(differs(boat("a"), boat("a"), boat("a", "b"))).toBe("/spec/env/name=b");
});

test("one more subject of a RoleBinding is drift", () => {
  const binding = (...names: readonly string[]): Manifest =>
    object(
      { subjects: names.map((name) => ({ kind: "User", name })) },
      {},
      "rbac.authorization.k8s.io/v1",
      "RoleBinding",
    );
  expect(differs(binding("a"), binding("a"), binding("a", "eve"))).toBe("/subjects/name=eve");
});

test.each<[string, JsonObject, JsonObject, string | undefined]>([
  ["a label that Git names changed", { labels: { app: "web" } }, { labels: { app: "x" } }, "/metadata/labels/app"],
  ["a label that Git names removed", { labels: { "a/b": "web" } }, {}, "/metadata/labels/a~1b"],
  [
    "an annotation that Git names changed",
    { annotations: { a: "1" } },
    { annotations: { a: "2" } },
    "/metadata/annotations/a",
  ],
  ["a label of others", { labels: { app: "web" } }, { labels: { app: "web", team: "x" } }, undefined],
  [
    "finalizers, uid and versions",
    { finalizers: ["f"] },
    { finalizers: ["g"], uid: "u", resourceVersion: "9" },
    undefined,
  ],
])("metadata: %s", (_sentence, desired, live, path) => {
  expect(differs(object({}, desired), object({}, desired), object({}, live))).toBe(path);
});

test.each<[string, JsonObject, string | undefined]>([
  ["as the server keeps it", { a: "MQ==", b: "Mg==" }, undefined],
  ["with a changed value of stringData", { a: "OQ==", b: "Mg==" }, "/data/a"],
  ["with a removed value of data", { a: "MQ==" }, "/data/b"],
])("a Secret %s", (_sentence, data, path) => {
  const secret = (rest: JsonObject) => object(rest, {}, "v1", "Secret");
  const desired = secret({ stringData: { a: "1" }, data: { b: "Mg==" } });
  expect(differs(desired, secret({ data: { a: "MQ==", b: "Mg==" } }), secret({ data }))).toBe(path);
});

test("status is never drift", () => {
  const of = (status: Json) => object({ status });
  expect(differs(of({ a: 1 }), of({ a: 1 }), of({ a: 2 }))).toBeUndefined();
});

test("integers beyond 2^53 are told apart", () => {
  const of = (n: bigint) => object({ spec: { n } });
  expect(differs(of(2n ** 53n), of(2n ** 53n), of(2n ** 53n + 1n))).toBe("/spec/n");
});
