import { expect, test } from "vitest";
import type { Json } from "../../../api/json.ts";
import type { Manifest } from "../../../api/objects.ts";
import { refusalOf } from "./parents.ts";

function route(...conditions: Json[]): Manifest {
  const metadata = { name: "web", namespace: "shop", generation: 3 };
  const status = { parents: [{ parentRef: { name: "gate" }, conditions }] };
  return { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, status };
}

const says = (type: string, status: string, reason: string, observedGeneration = 3): Json => {
  return { type, status, reason, message: "in words", observedGeneration };
};

test.each<[string, Manifest, string | undefined]>([
  ["nothing", route(), undefined],
  ["yes", route(says("Accepted", "True", "Accepted"), says("ResolvedRefs", "True", "ResolvedRefs")), undefined],
  [
    "no to a value",
    route(says("Accepted", "False", "UnsupportedValue")),
    "is refused by Gateway gate (UnsupportedValue): in words",
  ],
  [
    "no to a filter at a backend",
    route(says("ResolvedRefs", "False", "UnsupportedRefValue")),
    "is refused by Gateway gate (UnsupportedRefValue): in words",
  ],
  [
    "in part",
    route(says("PartiallyInvalid", "True", "UnsupportedValue")),
    "is followed by Gateway gate in part only: in words",
  ],
  ["no, of an earlier generation", route(says("Accepted", "False", "UnsupportedValue", 2)), undefined],
  ["that there is no listener, which may come", route(says("Accepted", "False", "NoMatchingParent")), undefined],
  ["that a backend is missing, which may come", route(says("ResolvedRefs", "False", "BackendNotFound")), undefined],
])("a parent that says %s", (_name, told, refusal) => {
  expect(refusalOf(told)).toBe(refusal);
});
