import { expect, it } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { API_VERSION } from "../../api/v1alpha1/names.ts";
import { takenOver } from "./appliers.ts";
import { union } from "./fields.ts";

const desired: Manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: {} };

function entry(manager: string, fieldsV1: JsonObject, more: JsonObject = {}): JsonObject {
  return { manager, operation: "Update", apiVersion: "apps/v1", fieldsType: "FieldsV1", fieldsV1, ...more };
}

const ours = entry("fairlead", { "f:spec": { "f:paused": {} } }, { operation: "Apply" });

function stored(...managedFields: readonly Json[]): Manifest {
  return { ...desired, metadata: { name: "web", managedFields } };
}

function fieldsOfOurs(managers: readonly Json[] | undefined): Json | undefined {
  return (managers?.[0] as JsonObject | undefined)?.["fieldsV1"];
}

it("joins two sets of fields, with values that one has as a whole and the other in parts", () => {
  expect(union({ "f:a": {}, "f:b": { "f:c": {} } }, { "f:a": { "f:d": {} }, "f:b": { ".": {}, "f:e": {} } })).toEqual({
    "f:a": { ".": {}, "f:d": {} },
    "f:b": { ".": {}, "f:c": {}, "f:e": {} },
  });
});

it("E23: takes over what an older applier owns, but for what controllers rely on", () => {
  const theirs = {
    "f:metadata": {
      "f:annotations": { "f:note": {}, "f:deployment.kubernetes.io/revision": {} },
      "f:finalizers": { 'v:"a"': {} },
      "f:ownerReferences": {},
    },
    "f:spec": { "f:replicas": {}, "f:minReadySeconds": {} },
    "f:status": { "f:replicas": {} },
  };
  expect(fieldsOfOurs(takenOver(stored(ours, entry("helm", theirs)), desired, false))).toEqual({
    "f:metadata": { "f:annotations": { "f:note": {} } },
    "f:spec": { "f:paused": {}, "f:minReadySeconds": {} },
  });
  const said = { ...desired, spec: { replicas: 2 } };
  expect(fieldsOfOurs(takenOver(stored(ours, entry("helm", theirs)), said, false))).toMatchObject({
    "f:spec": { "f:replicas": {} },
  });
});

it.each([
  ["a controller", entry("kube-controller-manager", { "f:spec": { "f:replicas": {} } })],
  ["kubectl scale", entry("kubectl", { "f:spec": { "f:replicas": {} } }, { subresource: "scale" })],
  ["kubectl patch", entry("kubectl-patch", { "f:spec": { "f:paused": {} } })],
  ["kubectl rollout restart", entry("kubectl-rollout", { "f:spec": { "f:template": {} } })],
  ["an applier of another API version", entry("helm", {}, { apiVersion: "extensions/v1beta1" })],
])("E23: leaves the fields of %s alone", (_, other) => {
  expect(takenOver(stored(ours, other), desired, false)).toBeUndefined();
});

it("takes over what a rollout has patched once it has no part of the object any more, but for Fairlead's own kinds", () => {
  const patch = entry("fairlead", { "f:spec": { "f:template": {}, "f:replicas": {} } });
  expect(fieldsOfOurs(takenOver(stored(ours, patch), desired, false))).toEqual({
    "f:spec": { "f:paused": {}, "f:template": {} },
  });
  expect(takenOver(stored(ours, patch), desired, true)).toBeUndefined();
  const own = {
    ...stored(...[ours, patch].map((one) => ({ ...one, apiVersion: API_VERSION }))),
    apiVersion: API_VERSION,
  };
  expect(takenOver(own, desired, false)).toBeUndefined();
});
