import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { ABSENT, revisionIdentity } from "./config.ts";
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

/** The same with defaults, as it is read back. */
const DEFAULTED: JsonObject = {
  metadata: { labels: { app: "web" }, annotations: { team: "a" } },
  spec: {
    containers: [
      {
        name: "web",
        image: "registry.example/web:1",
        imagePullPolicy: "IfNotPresent",
        ports: [{ containerPort: 8080, protocol: "TCP" }],
        resources: { limits: { memory: "64Mi" } },
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      },
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  },
};

/** The same value with its keys in another order, at every depth. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner as Json)]),
  );
}

describe("the name of a revision", () => {
  // Golden vectors: a change here renames revisions of every installation. It releases nothing, but it must be meant.
  test.each<[string, Json, string]>([
    ["a plain template", TEMPLATE, "c248vdv4"],
    ["an empty template", {}, "gh5j9xtq"],
    ["no template", null, "ll7wrtzl"],
    ["a template as an API server answers it, with its defaults", DEFAULTED, "tj8m6q8f"],
    [
      "integers beyond 2^53",
      { spec: { containers: [], terminationGracePeriodSeconds: 9_007_199_254_740_993n } },
      "pgwlvhwg",
    ],
    ["words of other alphabets", { metadata: { annotations: { note: "größer, 变更 🚢" } } }, "9t94l2nj"],
  ])("P30: of %s stays for ever", (_name, template, name) => {
    expect(hash(template)).toBe(name);
  });

  test("P30: with configuration stays for ever", () => {
    const digests = { settings: "0123456789abcdef0123456789abcdef", extra: ABSENT };
    expect(revisionHash(revisionIdentity(TEMPLATE, digests), digest)).toBe("kcxlvwpk");
    expect(revisionIdentity(TEMPLATE, {})).toBe(templateIdentity(TEMPLATE));
  });

  test("P30: does not depend on the order of keys", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => hash(value as Json) === hash(reversed(value as Json))));
  });

  test("P30: does not depend on members that are there without a value", () => {
    const unset = { ...DEFAULTED, metadata: { ...(DEFAULTED["metadata"] as JsonObject), creationTimestamp: null } };
    const [container] = (DEFAULTED["spec"] as { containers: JsonObject[] }).containers;
    const spec = {
      ...(DEFAULTED["spec"] as JsonObject),
      nodeName: undefined,
      containers: [{ ...container, env: undefined }],
    };
    expect(hash({ ...unset, spec })).toBe(hash(DEFAULTED));
  });

  test("P30: a default of a later Kubernetes makes no revision: both templates are read with it", () => {
    const later = (template: JsonObject): JsonObject => ({
      ...template,
      spec: { ...(template["spec"] as JsonObject), futurePolicy: { mode: "Always" } },
    });
    const made = revisionDeployment(
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: { template: DEFAULTED } },
      { rollout: "web", hash: hash(DEFAULTED), replicas: 3, template: DEFAULTED },
    );
    const known = {
      hash: hash(DEFAULTED),
      identity: templateIdentity(later((made["spec"] as JsonObject)["template"] as JsonObject)),
    };
    expect(hash(later(DEFAULTED))).not.toBe(known.hash);
    expect(resolveRevision(templateIdentity(later(DEFAULTED)), [known], digest)).toBe(known.hash);
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
