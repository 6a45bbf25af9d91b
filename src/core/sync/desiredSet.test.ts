import { expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Rendered } from "../../api/rendered.ts";
import { type DesiredSetOptions, desiredSet, type Member, wantedIds } from "./desiredSet.ts";

const NAMESPACED = ["v1/ConfigMap", "apps/v1/Deployment", "v1/Secret"];
const CLUSTER = [
  "v1/Namespace",
  "apiextensions.k8s.io/v1/CustomResourceDefinition",
  "rbac.authorization.k8s.io/v1/ClusterRole",
];
const OPTIONS: DesiredSetOptions = {
  sync: { namespace: "team", name: "shop" },
  operatorNamespace: "fairlead",
  kinds: (apiVersion, kind) => {
    const name = `${apiVersion}/${kind}`;
    if (NAMESPACED.includes(name)) return { namespaced: true };
    return CLUSTER.includes(name) ? { namespaced: false } : undefined;
  },
};

let line = 0;
const file = (object: Record<string, unknown>): Rendered => ({
  object: object as unknown as Manifest,
  position: { file: "deploy/a.yaml", line: ++line, column: 1 },
});
const config = (metadata: Record<string, unknown>, rest = {}) =>
  file({ apiVersion: "v1", kind: "ConfigMap", metadata, ...rest });
const crd = (scope: string) =>
  file({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "boats.x.dev" },
    spec: { group: "x.dev", scope, names: { kind: "Boat" }, versions: [{ name: "v1" }] },
  });
const boat = (metadata: Record<string, unknown>) => file({ apiVersion: "x.dev/v1", kind: "Boat", metadata });

function members(...rendered: readonly Rendered[]): readonly Member[] {
  const set = desiredSet(rendered, OPTIONS);
  if (set.kind !== "Set") throw new Error(JSON.stringify(set.problems));
  return set.members;
}

function only(...rendered: readonly Rendered[]): Member {
  const last = members(...rendered).at(-1);
  if (last === undefined) throw new Error("no member");
  return last;
}

function problems(...rendered: readonly Rendered[]) {
  const set = desiredSet(rendered, OPTIONS);
  return set.kind === "Refused" ? set.problems : [];
}

test.each([
  ["a namespaced object without namespace gets the sync's", config({ name: "a" }), "/ConfigMap/team/a"],
  ["a namespaced object keeps its own", config({ name: "a", namespace: "other" }), "/ConfigMap/other/a"],
  ["an empty namespace counts as none", config({ name: "a", namespace: "" }), "/ConfigMap/team/a"],
  [
    "a cluster-scoped object loses a namespace",
    file({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n", namespace: "x" } }),
    "/Namespace//n",
  ],
  ["an unknown kind without namespace is kept as it is", boat({ name: "b" }), "x.dev/Boat//b"],
  ["an unknown kind with a namespace is kept as it is", boat({ name: "b", namespace: "n" }), "x.dev/Boat/n/b"],
])("%s", (_sentence, rendered, id) => {
  const member = only(rendered);
  expect(member.id).toBe(id);
  expect(member.object.metadata.namespace).toBe(member.ref.namespace);
});

test("an unknown kind waits alone and claims both ids that it may have", () => {
  const member = only(boat({ name: "b" }));
  expect(member.served).toBe("No");
  expect([...wantedIds([member])]).toEqual(["x.dev/Boat//b", "x.dev/Boat/team/b"]);
  expect([...wantedIds([only(boat({ name: "b", namespace: "n" }))])]).toEqual(["x.dev/Boat/n/b", "x.dev/Boat//b"]);
});

test("a kind whose API does not answer is not taken for one that is not served", () => {
  const set = desiredSet([boat({ name: "b" })], { ...OPTIONS, kinds: () => "Silent" });
  expect(set.kind === "Set" && set.members.map(({ served }) => served)).toEqual(["Silent"]);
});

test.each([
  ["Namespaced", "x.dev/Boat/team/b"],
  ["Cluster", "x.dev/Boat//b"],
])("a CRD of the same set tells the scope of its kind: %s", (scope, id) => {
  expect(only(crd(scope), boat({ name: "b" }))).toMatchObject({ id, served: "AfterItsCRD", aliases: [] });
});

test("marks every object as ours, and as itself", () => {
  expect(only(config({ name: "a", labels: { app: "x" } })).object.metadata).toEqual({
    name: "a",
    namespace: "team",
    labels: { app: "x", "fairlead.dev/managed": "true" },
    annotations: { "fairlead.dev/owner": "team/shop//ConfigMap/team/a" },
  });
});

test("strips the marks that only Fairlead writes and keeps those that are a person's", () => {
  const { metadata } = only(
    config({
      name: "a",
      labels: { "fairlead.dev/managed": "false", "fairlead.dev/serving": "true", "fairlead.dev/revision": "abc" },
      annotations: { "fairlead.dev/owner": "evil/sync//ConfigMap/team/a", "fairlead.dev/prune": "disabled" },
      finalizers: ["fairlead.dev/finalizer", "x.dev/keep"],
    }),
  ).object;
  expect(metadata.labels).toEqual({ "fairlead.dev/managed": "true" });
  expect(metadata.annotations).toEqual({
    "fairlead.dev/prune": "disabled",
    "fairlead.dev/owner": "team/shop//ConfigMap/team/a",
  });
  expect(metadata.finalizers).toEqual(["x.dev/keep"]);
});

test("drops what an exported manifest brings from the server", () => {
  const { object } = only(
    config(
      {
        name: "a",
        uid: "u",
        resourceVersion: "1",
        generation: 2,
        creationTimestamp: null,
        managedFields: [],
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
          "deployment.kubernetes.io/revision": "3",
        },
      },
      { data: { k: "v" }, status: { phase: "x" } },
    ),
  );
  expect(object).toEqual({
    apiVersion: "v1",
    kind: "ConfigMap",
    data: { k: "v" },
    metadata: {
      name: "a",
      namespace: "team",
      labels: { "fairlead.dev/managed": "true" },
      annotations: { "fairlead.dev/owner": "team/shop//ConfigMap/team/a" },
    },
  });
});

test("leaves the rules of an aggregated ClusterRole to the control plane", () => {
  const role = (rest: Record<string, Json>) =>
    only(
      file({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "r" },
        rules: [],
        ...rest,
      }),
    ).object;
  expect(role({ aggregationRule: {} })).not.toHaveProperty("rules");
  expect(role({})).toHaveProperty("rules", []);
});

test("keys of the prototype are plain data", () => {
  const labels = JSON.parse('{"__proto__": "x"}');
  expect(Object.keys(only(config({ name: "a", labels })).object.metadata.labels ?? {})).toContain("__proto__");
});

test("names both places of an object that is declared twice, in whatever versions", () => {
  line = 10;
  const twice = [
    file({ apiVersion: "x.dev/v1", kind: "Boat", metadata: { name: "b", namespace: "n" } }),
    file({ apiVersion: "x.dev/v2", kind: "Boat", metadata: { name: "b", namespace: "n" } }),
  ];
  expect(problems(...twice)).toEqual([
    {
      reason: "DuplicateObject",
      position: { file: "deploy/a.yaml", line: 12, column: 1 },
      message: "Boat n/b is declared here and at deploy/a.yaml:11:1; remove one of the two",
    },
  ]);
});

test("two objects that become one by the default namespace are duplicates", () => {
  expect(problems(config({ name: "a" }), config({ name: "a", namespace: "team" }))).toMatchObject([
    { reason: "DuplicateObject" },
  ]);
});

test.each([
  ["kube-system", config({ name: "a", namespace: "kube-system" }), "ForeignNamespace", "kube-system"],
  ["Fairlead's own namespace", config({ name: "a", namespace: "fairlead" }), "ForeignNamespace", "fairlead"],
  [
    "the Namespace kube-public",
    file({ apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-public" } }),
    "ForeignNamespace",
    "kube-public",
  ],
  ["an object without a name", config({}), "NotAnObject", "give it one"],
  ["an object with an empty name", config({ name: "" }), "NotAnObject", "give it one"],
  ["generateName", config({ generateName: "a-" }), "NotAnObject", "a new object at each apply"],
])("refuses %s", (_sentence, rendered, reason, words) => {
  expect(problems(rendered)).toEqual([
    { reason, position: rendered.position, message: expect.stringContaining(words) },
  ]);
});

test("reports every problem, and no set beside them", () => {
  expect(problems(config({}), config({ name: "ok" }), config({ name: "b", namespace: "kube-system" }))).toHaveLength(2);
});
