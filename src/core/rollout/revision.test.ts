import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import {
  type Digest,
  resolveRevision,
  revisionDeployment,
  revisionHash,
  revisionName,
  revisionService,
  templateIdentity,
} from "./revision.ts";

const digest: Digest = (text) => createHash("sha256").update(text).digest();
const hash = (template: Json) => revisionHash(templateIdentity(template), digest);

const TEMPLATE: JsonObject = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image: "registry.example/web:1", resources: {} }], restartPolicy: "Always" },
};

describe("the name of a revision", () => {
  // Golden vectors: a change here renames revisions of every installation. It releases nothing, but it must be meant.
  test.each<[string, Json, string]>([
    ["a plain template", TEMPLATE, "c248vdv4"],
    ["an empty template", {}, "gh5j9xtq"],
    ["no template", null, "ll7wrtzl"],
  ])("%s", (_name, template, name) => {
    expect(hash(template)).toBe(name);
  });

  test("does not depend on the order of keys", () => {
    const reversed = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, reversed(inner as Json)]),
      );
    };
    fc.assert(fc.property(fc.jsonValue(), (value) => hash(value as Json) === hash(reversed(value as Json))));
  });

  test("is short and spells no word", () => {
    expect(hash(TEMPLATE)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{8}$/);
  });
});

describe("what is no other revision", () => {
  const labelled = (labels: JsonObject, annotations?: JsonObject): Json => ({
    ...TEMPLATE,
    metadata: { labels, ...(annotations === undefined ? {} : { annotations }) },
  });
  test.each<[string, Json]>([
    ["Fairlead's own labels", labelled({ app: "web", "fairlead.dev/revision": "x", "fairlead.dev/serving": "true" })],
    [
      "kubectl rollout restart",
      labelled({ app: "web" }, { "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" }),
    ],
    ["an empty map of annotations", labelled({ app: "web" }, {})],
    [
      "the creationTimestamp: null of old exports",
      { ...TEMPLATE, metadata: { labels: { app: "web" }, creationTimestamp: null } },
    ],
  ])("%s", (_name, template) => {
    expect(templateIdentity(template)).toBe(templateIdentity(TEMPLATE));
  });

  test("another image, label or annotation is one", () => {
    expect(templateIdentity(labelled({ app: "web", tier: "front" }))).not.toBe(templateIdentity(TEMPLATE));
    expect(templateIdentity(labelled({ app: "web" }, { team: "a" }))).not.toBe(templateIdentity(TEMPLATE));
  });
});

describe("resolving a template", () => {
  const identity = templateIdentity(TEMPLATE);
  test("an equal template is the known revision, whatever that is called", () => {
    expect(resolveRevision(identity, [{ hash: "oldname", identity }], digest)).toBe("oldname");
  });
  test("a name that another template has already is not taken again", () => {
    const taken = revisionHash(identity, digest);
    const name = resolveRevision(identity, [{ hash: taken, identity: "something else" }], digest);
    expect(name).not.toBe(taken);
    expect(name.startsWith(taken)).toBe(true);
  });
});

describe("the objects of a revision", () => {
  const workload: Manifest = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop", labels: { team: "a", "fairlead.dev/managed": "true" }, uid: "u" },
    spec: {
      replicas: 0,
      paused: true,
      minReadySeconds: 3,
      selector: { matchLabels: { app: "web" } },
      template: TEMPLATE,
      futureField: { kept: true },
    },
  };

  test("the Deployment selects only its own pods, and keeps every other field", () => {
    const made = revisionDeployment(workload, { rollout: "web", hash: "h4sh", replicas: 3, template: TEMPLATE });
    expect(made.metadata).toEqual({
      name: "web-h4sh",
      namespace: "shop",
      labels: { "fairlead.dev/rollout": "web", "fairlead.dev/revision": "h4sh" },
    });
    expect(made["spec"]).toMatchObject({
      replicas: 3,
      minReadySeconds: 3,
      futureField: { kept: true },
      selector: { matchLabels: { "fairlead.dev/rollout": "web", "fairlead.dev/revision": "h4sh" } },
    });
    expect(made["spec"]).not.toHaveProperty("paused");
  });

  test("its template is the same revision as the one it was made from", () => {
    const made = revisionDeployment(workload, { rollout: "web", hash: "h4sh", replicas: 3, template: TEMPLATE })[
      "spec"
    ] as JsonObject;
    expect(templateIdentity(made["template"])).toBe(templateIdentity(TEMPLATE));
  });

  test("the Service reaches its pods on the callers' ports, without their node ports", () => {
    const service: Manifest = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "shop" },
      spec: { ports: [{ name: "http", port: 80, targetPort: "http", nodePort: 30_080 }], selector: { app: "web" } },
    };
    expect(revisionService(service, "web", "web", "h4sh")["spec"]).toEqual({
      selector: { "fairlead.dev/rollout": "web", "fairlead.dev/revision": "h4sh", "fairlead.dev/serving": "true" },
      ports: [{ name: "http", port: 80, targetPort: "http" }],
    });
  });

  test("a long name is cut so that pod names keep it whole", () => {
    const name = revisionName(`${"a".repeat(53)}.b`, "h4shh4sh");
    expect(name.length).toBeLessThanOrEqual(46);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
  });
});
