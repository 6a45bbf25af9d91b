import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import {
  ABSENT,
  configContent,
  configCopy,
  copiesOf,
  copyNames,
  isShared,
  originalNames,
  ownerOfCopies,
  rememberedDigests,
  remembering,
  revisionIdentity,
} from "./config.ts";
import { configKey, configUses, withConfigNames } from "./configUses.ts";
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
      { name: "d", secret: { secretName: "certificate", optional: true } },
    ],
  },
};

describe("what a template takes data from", () => {
  test("P39: is found in variables, environments, volumes and projected volumes, of init containers too", () => {
    expect(configUses(TEMPLATE)).toEqual([
      { kind: "Secret", name: "certificate", optional: true },
      { kind: "Secret", name: "s", optional: false },
      { kind: "Secret", name: "secret", optional: false },
      { kind: "ConfigMap", name: "extra", optional: true },
      { kind: "ConfigMap", name: "files", optional: false },
      { kind: "ConfigMap", name: "init-env", optional: false },
      { kind: "ConfigMap", name: "settings", optional: false },
    ]);
  });
  test.each<[string, JsonObject]>([
    [
      "a variable of an ephemeral container",
      { ephemeralContainers: [{ env: [{ valueFrom: { configMapKeyRef: { name: "one" } } }] }] },
    ],
    ["a name that kustomize has generated", { volumes: [{ configMap: { name: "one-4m2k9bt7fg" } }] }],
    [
      "a projected volume among other sources",
      { volumes: [{ projected: { sources: [{ serviceAccountToken: {} }, { configMap: { name: "one" } }] } }] },
    ],
  ])("P39: %s is found and renamed", (_name, spec) => {
    const [use] = configUses({ spec });
    expect(use).toMatchObject({ kind: "ConfigMap", optional: false });
    const name = use?.name ?? "";
    const renamed = withConfigNames({ spec }, new Map([[name, `${name}-h4sh`]]));
    expect(configUses(renamed).map((one) => one.name)).toEqual([`${name}-h4sh`]);
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
    const maps = configUses(renamed).filter(({ kind }) => kind === "ConfigMap");
    expect(maps.map(({ name }) => name)).toEqual(["extra", "files-h4sh", "init-env", "settings-h4sh"]);
    expect(withConfigNames(renamed, originalNames(digests, "h4sh"))).toEqual(TEMPLATE);
    expect(JSON.stringify(TEMPLATE)).toBe(before);
  });
  test("gives every ConfigMap a copy of its own, however alike their names are", () => {
    const long = "a".repeat(60);
    const names = copyNames({ "app.config": "1", "app-config": "2", [`${long}1`]: "3", [`${long}2`]: "4" }, "h4sh");
    expect(new Set(names.values()).size).toBe(4);
  });
  test("tells a Secret from a ConfigMap of the same name", () => {
    const template = {
      spec: { containers: [{ envFrom: [{ configMapRef: { name: "a" } }, { secretRef: { name: "a" } }] }] },
    };
    const names = copyNames({ [configKey("Secret", "a")]: "1" }, "h4sh");
    expect(configUses(withConfigNames(template, names)).map(({ name }) => name)).toEqual(["a-h4sh", "a"]);
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

describe("a Secret", () => {
  const secret: Manifest = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "tls", namespace: "shop" },
    type: "kubernetes.io/tls",
    data: { "tls.key": "c2VjcmV0" },
  };
  const digests = { settings: "1", [configKey("Secret", "tls")]: "d1g3st", [configKey("Secret", "gone")]: ABSENT };
  const revision: Manifest = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "web-h4sh",
      namespace: "shop",
      uid: "u",
      labels: { "fairlead.dev/revision": "h4sh" },
      annotations: { "fairlead.dev/config": remembering(digests) },
    },
  };

  test("P39: leaves nothing to guess from where it is remembered, and its copy tells whether it is the same", () => {
    expect(remembering(digests)).not.toContain("d1g3st");
    expect(rememberedDigests(revision, (name, copy) => `${name} of ${copy}`)).toEqual({
      settings: "1",
      "Secret/tls": "tls of tls-h4sh",
      "Secret/gone": ABSENT,
    });
  });
  test("P39: has a copy of its type that cannot be changed, and goes with the revision", () => {
    const copy = configCopy(secret, "web", "h4sh");
    expect(copy).toMatchObject({
      kind: "Secret",
      type: "kubernetes.io/tls",
      immutable: true,
      data: { "tls.key": "c2VjcmV0" },
    });
    expect(configContent(copy)).toBe(configContent(secret));
    expect(configContent({ ...secret, type: "Opaque" })).not.toBe(configContent(secret));
    expect(ownerOfCopies(revision)).toEqual({ apiVersion: "apps/v1", kind: "Deployment", name: "web-h4sh", uid: "u" });
    expect(copiesOf(revision, "h4sh").map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "Secret tls-h4sh",
      "ConfigMap settings-h4sh",
    ]);
  });
  test.each<[string, Manifest | undefined, boolean]>([
    [
      "one that is rotated in place",
      { ...secret, metadata: { name: "tls", annotations: { "fairlead.dev/config": "shared" } } },
      true,
    ],
    ["a token of a service account", { ...secret, type: "kubernetes.io/service-account-token" }, true],
    ["any other", secret, false],
    ["one that does not exist", undefined, false],
  ])("P39: is shared by all revisions or not: %s", (_name, live, shared) => {
    expect(isShared("Secret", "tls", live)).toBe(shared);
  });
});
