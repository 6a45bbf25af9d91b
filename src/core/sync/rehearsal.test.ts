import { expect, it } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import { identity, type ObjectRef } from "../../api/objects.ts";
import { changesRights, type News, needsTrial, triable } from "./rehearsal.ts";

function news(
  apiVersion: string,
  kind: string,
  name: string,
  namespace?: string,
  spec: JsonObject = {},
  fresh = true,
): News {
  const ref: ObjectRef = { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  const position = { file: "a.yaml", line: 1, column: 1 };
  const object = { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec };
  return { fresh, member: { id: identity(ref), ref, object, position, served: "Yes", aliases: [] } };
}

it.each([
  ["Auto", 4, false, true],
  ["Auto", 1, false, false],
  ["Auto", 4, true, false],
  ["Always", 1, true, true],
  ["Always", 0, true, false],
  ["Never", 4, false, false],
] as const)("tries with %s, %i writes, first %s: %s", (mode, writes, first, expected) => {
  expect(needsTrial(mode, writes, first)).toBe(expected);
});

it("E19: does not try what comes into a new namespace, or of a kind whose definition changes", () => {
  const names = { kind: "Boat" };
  const all = [
    news("v1", "Namespace", "new"),
    news("v1", "Namespace", "old", undefined, {}, false),
    news("apiextensions.k8s.io/v1", "CustomResourceDefinition", "boats.example.com", undefined, {
      group: "example.com",
      names,
    }),
    news("v1", "ConfigMap", "inside", "new"),
    news("v1", "ConfigMap", "beside", "old"),
    news("example.com/v1", "Boat", "one", "old"),
    news("other.example.com/v1", "Boat", "one", "old"),
  ];
  const tried = triable(all).map(({ member: { ref } }) => `${ref.kind}/${ref.name}`);
  expect(tried).toEqual([
    "Namespace/new",
    "Namespace/old",
    "CustomResourceDefinition/boats.example.com",
    "ConfigMap/beside",
    "Boat/one",
  ]);
});

it("knows that a commit changes who may do what", () => {
  expect(changesRights([news("v1", "ConfigMap", "a", "shop")])).toBe(false);
  expect(changesRights([news("rbac.authorization.k8s.io/v1", "Role", "a", "shop")])).toBe(true);
});
