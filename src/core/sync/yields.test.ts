import { expect, it } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import { type Manifest, refOf } from "../../api/objects.ts";
import { isSetOf } from "./fields.ts";
import { type IgnoreRule, scaledBy, yielded, yieldedBy } from "./yields.ts";

function object(kind: string, rest: JsonObject, more: JsonObject = {}): Manifest {
  return { apiVersion: "apps/v1", kind, metadata: { name: "web", namespace: "shop", ...more }, ...rest };
}

/** A live object of whose fields Fairlead owns some. */
function live(rest: JsonObject, fieldsV1: JsonObject): Manifest {
  const entry = { manager: "fairlead", operation: "Apply", apiVersion: "apps/v1", fieldsV1: JSON.stringify(fieldsV1) };
  return object("Deployment", rest, { managedFields: [entry] });
}

function ignoring(...paths: readonly string[]): readonly IgnoreRule[] {
  return [{ target: { kind: "Deployment" }, paths }];
}

function placesOf(git: Manifest, rules: readonly IgnoreRule[] = [], autoscaled = false) {
  return yieldedBy(git, refOf(git), rules, autoscaled).map((pointer) => pointer.join(" "));
}

it.each<readonly [string, readonly string[]]>([
  ["/data/a~1b~0c", ["data a/b~c"]],
  ["/data/~01", ["data ~1"]],
  ["/data/(a+)+$", ["data (a+)+$"]],
  ["/metadata/labels/fairlead.dev~1managed", []],
  ["/__proto__/polluted", ["__proto__ polluted"]],
])("A11: reads the JSON pointer %s as RFC 6901 says, and as no pattern", (path, expected) => {
  expect(placesOf(object("Deployment", { spec: { replicas: 1 } }), ignoring(path))).toEqual(expected);
});

it("A12: a pointer through the prototype changes nothing but data", () => {
  const git = object(
    "Deployment",
    JSON.parse('{"spec":{"__proto__":{"polluted":1},"constructor":{"prototype":2}}}') as JsonObject,
  );
  const pointers = [
    ["spec", "__proto__", "polluted"],
    ["spec", "constructor", "prototype"],
    ["__proto__", "x"],
  ];
  const left = yielded(git, pointers);
  expect(JSON.stringify(left["spec"])).toBe('{"__proto__":{},"constructor":{}}');
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

it.each<readonly [string, IgnoreRule["target"], boolean]>([
  ["any of a kind", { kind: "Deployment" }, true],
  ["a group", { kind: "Deployment", group: "apps" }, true],
  ["another group", { kind: "Deployment", group: "" }, false],
  ["a name", { kind: "Deployment", name: "web", namespace: "shop" }, true],
  ["another name", { kind: "Deployment", name: "api" }, false],
])("finds its target by %s: %s", (_, target, found) => {
  const places = placesOf(object("Deployment", { spec: { replicas: 1 } }), [{ target, paths: ["/spec/paused"] }]);
  expect(places).toEqual(found ? ["spec paused"] : []);
});

it("E24: yields the replicas of what is autoscaled, and those that Git does not name", () => {
  const named = object("Deployment", { spec: { replicas: 2 } });
  expect(placesOf(named)).toEqual([]);
  expect(placesOf(named, [], true)).toEqual(["spec replicas"]);
  expect(placesOf(object("StatefulSet", { spec: {} }))).toEqual(["spec replicas"]);
  expect(placesOf(object("DaemonSet", { spec: {} }))).toEqual([]);
});

it("E24: knows what an autoscaler scales", () => {
  const spec = { scaleTargetRef: { kind: "StatefulSet", name: "db" } };
  expect(scaledBy(object("HorizontalPodAutoscaler", { spec }), "shop")).toBe("StatefulSet/shop/db");
  expect(scaledBy(object("ScaledObject", { spec: { scaleTargetRef: { name: "web" } } }), "shop")).toBe(
    "Deployment/shop/web",
  );
  expect(scaledBy(object("Deployment", { spec }), "shop")).toBeUndefined();
});

it("yields authorities that Git leaves to an injector", () => {
  const hook = (caBundle: string) => ({ clientConfig: { caBundle } });
  const git = object("ValidatingWebhookConfiguration", { webhooks: [hook(""), hook("Cg=="), hook("LS0t"), {}] });
  expect(placesOf(git)).toEqual(["webhooks 0 clientConfig caBundle", "webhooks 1 clientConfig caBundle"]);
});

const containers = (image: string): readonly Json[] => [{ name: "app", image }];

it("leaves out what others own, and goes on sending what is live of what it owns itself", () => {
  const git = object("Deployment", { spec: { replicas: 2, containers: containers("git") } });
  const pointers = [
    ["spec", "replicas"],
    ["spec", "containers", "0", "image"],
  ];
  expect(yielded(git, pointers)["spec"]).toEqual({ containers: [{ name: "app" }] });
  const there = { spec: { replicas: 7, containers: [{ name: "sidecar", image: "s" }, ...containers("theirs")] } };
  expect(yielded(git, pointers, live(there, {}))["spec"]).toEqual({ containers: [{ name: "app" }] });
  const owned = {
    "f:spec": { "f:replicas": {}, "f:containers": { 'k:{"name":"app"}': { ".": {}, "f:name": {}, "f:image": {} } } },
  };
  expect(yielded(git, pointers, live(there, owned))["spec"]).toEqual({ replicas: 7, containers: containers("theirs") });
});

it.each<readonly [string, JsonObject, Json, boolean]>([
  ["all of a map", { "f:a": {}, "f:b": { "f:c": {} } }, { a: 1, b: { c: "x" } }, true],
  ["one field too few", { "f:a": {} }, { a: 1, b: 2 }, false],
  ["one field too many", { "f:a": {}, "f:b": {} }, { a: 1 }, false],
  ["a value as a whole", { "f:a": {} }, { a: { b: [1] } }, true],
  ["what is empty, or left to others", { "f:a": {} }, { a: 1, b: {}, c: [], d: null }, true],
  [
    "items by their keys, with a default among them",
    { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } },
    { ports: [{ port: 80 }] },
    true,
  ],
  ["an item that is not there", { "f:ports": { 'k:{"port":80}': { "f:port": {} } } }, { ports: [{ port: 81 }] }, false],
  ["an item too many", { "f:set": { 'v:"a"': {}, 'v:"b"': {} } }, { set: ["a"] }, false],
  ["a key of the prototype", { "f:a": {} }, JSON.parse('{"a":1,"__proto__":{"b":1}}') as Json, false],
])("E21: a set of fields against a value: %s", (_, fields, value, expected) => {
  expect(isSetOf(fields, value)).toBe(expected);
});
