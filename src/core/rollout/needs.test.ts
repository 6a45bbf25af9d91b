import { expect, test } from "vitest";
import type { ObjectRef } from "../../api/objects.ts";
import { needs } from "./needs.ts";

const TEMPLATE = {
  spec: {
    serviceAccountName: "web",
    imagePullSecrets: [{ name: "registry" }],
    containers: [
      { name: "web", envFrom: [{ configMapRef: { name: "settings-4m2k9bt7fg" } }, { secretRef: { name: "token" } }] },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
  },
};

test.each<[string, string, string, boolean]>([
  ["v1", "ConfigMap", "settings-4m2k9bt7fg", true],
  ["v1", "Secret", "token", true],
  ["v1", "Secret", "registry", true],
  ["v1", "PersistentVolumeClaim", "data", true],
  ["v1", "ServiceAccount", "web", true],
  ["v1", "ConfigMap", "token", false],
  ["v1", "Secret", "settings-4m2k9bt7fg", false],
  ["v1", "Service", "web", false],
  ["example.com/v1", "ConfigMap", "settings-4m2k9bt7fg", false],
])("P39: of %s %s %s a pod's need is known", (apiVersion, kind, name, needed) => {
  const ref: ObjectRef = { apiVersion, kind, name, namespace: "shop" };
  expect(needs(TEMPLATE, ref)).toBe(needed);
});

test("a malformed template needs nothing", () => {
  expect(needs(null, { apiVersion: "v1", kind: "ServiceAccount", name: "web" })).toBe(false);
});
