import { expect, it } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { immutableFields } from "./immutable.ts";

function object(spec: JsonObject): Manifest {
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "db" }, spec };
}

const live = object({
  replicas: 1,
  serviceName: "db",
  selector: { matchLabels: { app: "db" } },
  podManagementPolicy: "Parallel",
});
const forbidden =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' and 'updateStrategy' are forbidden";

it.each<readonly [string, JsonObject, readonly (readonly [string, string])[], readonly string[] | undefined]>([
  [
    "a field that says it is immutable, and differs",
    { selector: { matchLabels: { app: "other" } } },
    [["spec.selector", "Invalid value: {…}: field is immutable"]],
    ["spec.selector"],
  ],
  [
    "the spec as a whole: the fields that differ and may not",
    { replicas: 3, serviceName: "other", selector: { matchLabels: { app: "db" } } },
    [["spec", `Forbidden: ${forbidden}`]],
    ["spec.serviceName"],
  ],
  [
    "a field that is plainly wrong",
    { replicas: -1 },
    [["spec.replicas", "must be greater than or equal to 0"]],
    undefined,
  ],
  [
    "an immutable field next to a wrong one",
    { replicas: -1, serviceName: "other" },
    [
      ["spec.serviceName", "field is immutable"],
      ["spec.replicas", "must be greater than or equal to 0"],
    ],
    undefined,
  ],
  ["a field that does not differ", { serviceName: "db" }, [["spec.serviceName", "field is immutable"]], undefined],
  ["no field at all", { serviceName: "other" }, [], undefined],
])("E18: of a refusal, %s", (_, spec, causes, expected) => {
  const objections = causes.map(([field, message]) => ({ field, message }));
  expect(immutableFields(object(spec), live, objections)).toEqual(expected);
});
