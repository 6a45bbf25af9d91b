import { expect, it, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import { object, when } from "../../testing/liveObject.ts";
import { dependencyHold, type SeenDependency } from "./dependencies.ts";
import type { Answer } from "./expression.ts";

const sync = (
  name: string,
  dependsOn: readonly JsonObject[] = [],
  status: JsonObject = {},
  namespace = "n",
): Manifest => object("fairlead.dev/v1alpha1", "GitSync", { spec: { dependsOn }, status }, { name, namespace });
const good = { observedGeneration: 2, appliedRevision: "a", attemptedRevision: "a", conditions: [when("Ready")] };
const self = sync("shop", [{ name: "base" }]);
const seen = (live: Manifest | undefined, rest: Partial<SeenDependency> = {}): SeenDependency => ({
  spec: { name: "base" },
  live,
  late: false,
  ...rest,
});
const saying = (answer: Answer) => ({ ask: () => answer });
const alone = { all: () => undefined, crossNamespace: false };

test.each<[string, SeenDependency, string | undefined, string]>([
  ["ready", seen(sync("base", [], good)), undefined, ""],
  ["absent", seen(undefined), "DependencyMissing", "GitSync n/base of spec.dependsOn does not exist; create it"],
  ["never looked at", seen(sync("base")), "DependencyNotReady", "is not ready"],
  [
    "ready for an earlier spec",
    seen(sync("base", [], { ...good, observedGeneration: 1 })),
    "DependencyNotReady",
    "is not ready",
  ],
  [
    "ready with an earlier commit than it knows",
    seen(sync("base", [], { ...good, attemptedRevision: "b" })),
    "DependencyNotReady",
    "is not ready",
  ],
  [
    "failing",
    seen(sync("base", [], { ...good, conditions: [when("Ready", "False")] })),
    "DependencyNotReady",
    "is not ready",
  ],
  [
    "ready, and has not seen this commit",
    seen(sync("base", [], good), { late: true }),
    "DependencyNotReady",
    "has not looked at this commit",
  ],
  ["fine by its expression", seen(sync("base"), { ready: saying({ kind: "Yes" }) }), undefined, ""],
  [
    "not fine by its expression",
    seen(sync("base", [], good), { ready: saying({ kind: "No" }) }),
    "DependencyNotReady",
    "readyExpr",
  ],
  [
    "without the field that its expression reads",
    seen(sync("base"), { ready: saying({ kind: "Absent", column: 1, message: "" }) }),
    "DependencyNotReady",
    "readyExpr",
  ],
  [
    "judged by an expression that does not fit",
    seen(sync("base"), { ready: saying({ kind: "Broken", column: 7, message: "is odd" }) }),
    "InvalidExpression",
    "(column 7)",
  ],
  [
    "in another namespace",
    seen(sync("base", [], good), { spec: { name: "base", namespace: "m" } }),
    "ForeignReference",
    "--cross-namespace-refs",
  ],
])("holds by a dependency that is %s", (_sentence, dependency, reason, says) => {
  const hold = dependencyHold(self, [dependency], alone);
  expect(hold?.reason).toBe(reason);
  if (hold !== undefined) expect(hold.message).toContain(says);
});

it("takes another namespace's word where the operator allows it", () => {
  const dependency = seen(sync("base", [], good, "m"), { spec: { name: "base", namespace: "m" } });
  expect(dependencyHold(self, [dependency], { ...alone, crossNamespace: true })).toBeUndefined();
});

it("names a circle on each of its members, and on nobody else", () => {
  const all = new Map<Key, Manifest>(
    [
      sync("a", [{ name: "b" }]),
      sync("b", [{ name: "x" }, { name: "c" }]),
      sync("c", [{ name: "a" }]),
      sync("x"),
      sync("out", [{ name: "a" }]),
    ].map((one) => [`n/${one.metadata.name}`, one]),
  );
  const holdOf = (name: string) => {
    const live = all.get(`n/${name}`) ?? sync(name);
    const first = sync("dependency", [], good);
    return dependencyHold(live, [seen(first)], { all: (key) => all.get(key), crossNamespace: false });
  };
  expect(holdOf("a")?.message).toBe(
    "n/a waits for n/b waits for n/c waits for n/a; take one of them out of spec.dependsOn",
  );
  expect(holdOf("c")?.message).toContain("n/c waits for n/a waits for n/b waits for n/c");
  expect(holdOf("a")?.reason).toBe("DependencyCycle");
  expect(holdOf("out")).toBeUndefined();
  expect(
    dependencyHold(sync("me", [{ name: "me" }]), [], { ...alone, all: () => sync("me", [{ name: "me" }]) })?.message,
  ).toBe("n/me waits for n/me; take one of them out of spec.dependsOn");
});
