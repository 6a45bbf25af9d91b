import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";
import { allOwnFields, isSetOf, ownFields } from "./fields.ts";

const entry = (manager: string, operation: string, fieldsV1: object, subresource?: string) => ({
  ...{ manager, operation, apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1 },
  ...(subresource === undefined ? {} : { subresource }),
});

const service = (...managedFields: readonly object[]) =>
  ({ apiVersion: "v1", kind: "Service", metadata: { name: "web", managedFields } }) as unknown as Manifest;

const ports = { "f:spec": { "f:ports": {} } };
const selector = { "f:spec": { "f:selector": {} } };
const said = { spec: { ports: [{ port: 80 }], selector: { app: "web" } } };

test("what a rollout's patch took over is Fairlead's own, and what another writer took over is not", () => {
  const patched = service(entry(FIELD_MANAGER, "Apply", ports), entry(FIELD_MANAGER, "Update", selector));
  expect([isSetOf(ownFields(patched), said), isSetOf(allOwnFields(patched), said)]).toEqual([false, true]);
  const taken = service(entry(FIELD_MANAGER, "Apply", ports), entry("kubectl-edit", "Update", selector));
  expect(isSetOf(allOwnFields(taken), said)).toBe(false);
  const scaled = service(entry(FIELD_MANAGER, "Apply", ports), entry(FIELD_MANAGER, "Update", selector, "scale"));
  expect(isSetOf(allOwnFields(scaled), said)).toBe(false);
});

test("what was never applied is nobody's word, whoever patched it", () => {
  expect(allOwnFields(service(entry(FIELD_MANAGER, "Update", selector)))).toBeUndefined();
  expect(allOwnFields(undefined)).toBeUndefined();
});
