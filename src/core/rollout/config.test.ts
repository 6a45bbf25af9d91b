import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import {
  ABSENT,
  configContent,
  configCopy,
  configUses,
  copyNames,
  originalNames,
  rememberedDigests,
  revisionIdentity,
  withConfigNames,
} from "./config.ts";
import { templateIdentity } from "./revision.ts";

const TEMPLATE: JsonObject = {
  metadata: { labels: { app: "web" } },
  spec: {
    initContainers: [{ name: "init", envFrom: [{ configMapRef: { name: "init-env" } }] }],
    containers: [
      {
        name: "web",
        env: [
          { name: "PLAIN", value: "x" },
          { name: "LEVEL", valueFrom: { configMapKeyRef: { name: "settings", key: "level" } } },
          { name: "TOKEN", valueFrom: { secretKeyRef: { name: "secret", key: "token" } } },
        ],
        envFrom: [{ configMapRef: { name: "extra", optional: true } }, { secretRef: { name: "secret" } }],
      },
    ],
    volumes: [
      { name: "a", configMap: { name: "files" } },
      {
        name: "b",
        projected: { sources: [{ configMap: { name: "settings", optional: true } }, { secret: { name: "s" } }] },
      },
      { name: "c", emptyDir: {} },
    ],
  },
};

describe("the ConfigMaps of a template", () => {
  test("are found in variables, environments, volumes and projected volumes, of init containers too", () => {
    expect(configUses(TEMPLATE)).toEqual([
      { name: "extra", optional: true },
      { name: "files", optional: false },
      { name: "init-env", optional: false },
      { name: "settings", optional: false },
    ]);
  });
  test.each<[string, JsonObject | null]>([
    ["no template", null],
    ["a template without a spec", {}],
    ["a malformed one", { spec: { containers: "web", volumes: [null, { configMap: "x" }] } }],
  ])("%s has none", (_name, template) => {
    expect(configUses(template)).toEqual([]);
  });
});

describe("renaming", () => {
  const digests = { settings: "1", files: "2", extra: ABSENT };
  test("and renaming back gives the same template, and changes nothing in place", () => {
    const before = JSON.stringify(TEMPLATE);
    const renamed = withConfigNames(TEMPLATE, copyNames(digests, "h4sh"));
    expect(configUses(renamed).map(({ name }) => name)).toEqual(["extra", "files-h4sh", "init-env", "settings-h4sh"]);
    expect(withConfigNames(renamed, originalNames(digests, "h4sh"))).toEqual(TEMPLATE);
    expect(JSON.stringify(TEMPLATE)).toBe(before);
  });
  test("gives every ConfigMap a copy of its own, however alike their names are", () => {
    const long = "a".repeat(60);
    const names = copyNames({ "app.config": "1", "app-config": "2", [`${long}1`]: "3", [`${long}2`]: "4" }, "h4sh");
    expect(new Set(names.values()).size).toBe(4);
  });
  test("leaves a ConfigMap alone that does not exist", () => {
    expect(copyNames(digests, "h4sh").has("extra")).toBe(false);
  });
});

describe("the identity of a revision", () => {
  test("without ConfigMaps is that of its template", () => {
    expect(revisionIdentity(TEMPLATE, {})).toBe(templateIdentity(TEMPLATE));
  });
  test("changes with the content of a ConfigMap, and with its coming and going", () => {
    const texts = [{ settings: "1" }, { settings: "2" }, { settings: ABSENT }].map((one) =>
      revisionIdentity(TEMPLATE, one),
    );
    expect(new Set(texts).size).toBe(3);
  });
  test("does not depend on the order in which they are named", () => {
    expect(revisionIdentity(TEMPLATE, { a: "1", b: "2" })).toBe(revisionIdentity(TEMPLATE, { b: "2", a: "1" }));
  });
});

describe("a copy", () => {
  const configMap: Manifest = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "shop", labels: { "app.kubernetes.io/instance": "x" }, uid: "u" },
    data: { level: "info" },
    binaryData: { raw: "AAE=" },
  };
  test("has the data, cannot be changed, and carries no mark of anybody else", () => {
    expect(configCopy(configMap, "web", "h4sh")).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "settings-h4sh",
        namespace: "shop",
        labels: { "fairlead.dev/rollout": "web", "fairlead.dev/revision": "h4sh" },
      },
      immutable: true,
      data: { level: "info" },
      binaryData: { raw: "AAE=" },
    });
  });
  test("is of the same content as what it copies", () => {
    expect(configContent(configCopy(configMap, "web", "h4sh"))).toBe(configContent(configMap));
    expect(configContent({ ...configMap, data: { level: "debug" } })).not.toBe(configContent(configMap));
  });
});

test.each<[string, string | undefined, JsonObject]>([
  ["remembered digests are read back", '{"settings":"1"}', { settings: "1" }],
  ["a broken annotation tells nothing", "{", {}],
  ["an annotation of another shape tells nothing", '["a"]', {}],
  ["no annotation means no ConfigMaps", undefined, {}],
])("%s", (_name, text, digests) => {
  const annotations = text === undefined ? {} : { annotations: { "fairlead.dev/config": text } };
  const revision: Manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web-h", ...annotations } };
  expect(rememberedDigests(revision)).toEqual(digests);
});
