import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Cursor, Stage } from "../../api/v1alpha1/cursor.ts";
import { type Claim, followed, overlay, scales, wordOf } from "./overlay.ts";
import { revisionDeployment } from "./revision.ts";

const T = "2026-01-01T00:00:00.000Z";
const cursor = (stage: Stage, selection: Cursor["selection"] = { kind: "Git" }): Cursor => ({
  stage,
  stable: "s",
  weight: 0,
  selection,
  replicas: 4,
  enteredAt: T,
  startedAt: T,
  peak: 0,
  calls: [],
  checks: [],
  verdicts: [],
  previous: [],
  rejected: [],
});
const claim = (at: Cursor | undefined): Claim => ({ rollout: "web", workload: "web", service: "web", cursor: at });
const deployment = (spec: JsonObject, name = "web"): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "shop" },
  spec: { ...spec, template: { spec: { image: "git" } } },
});
const service: Manifest = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
};
const live = (spec: JsonObject): Manifest => ({ ...deployment({}), spec });

describe("a Deployment", () => {
  test("is Git's own without a rollout", () => {
    expect(overlay(deployment({ replicas: 4 }), undefined, undefined)).toEqual(deployment({ replicas: 4 }));
  });
  test("of another name is Git's own", () => {
    const other = deployment({ replicas: 4 }, "db");
    expect(overlay(other, claim(cursor("Resting")), undefined)).toBe(other);
  });
  test.each<[string, Cursor | undefined, Manifest | undefined, number]>([
    ["that is being taken over keeps its live replicas", cursor("Adopting"), live({ replicas: 3 }), 3],
    ["that is taken over stands at 0", cursor("Resting"), live({ replicas: 0 }), 0],
    ["stands at 0 in mid-rollout, whatever is live", cursor("Stepping"), live({ replicas: 7 }), 0],
    ["that is handed back keeps its live replicas", cursor("HandingBack"), live({ replicas: 4 }), 4],
  ])("%s", (_name, at, is, replicas) => {
    const result = overlay(deployment({ replicas: 4 }), claim(at), is);
    expect(result["spec"]).toMatchObject({ replicas });
    expect(result.metadata.annotations).toEqual({ "fairlead.dev/replicas": "4" });
  });
  test.each<[string, Manifest | undefined]>([
    ["that does not exist yet", undefined],
    ["that runs already", live({ replicas: 2 })],
  ])("%s is Git's own until its rollout begins: that may be one which never can", (_name, is) => {
    expect(overlay(deployment({ replicas: 4 }), claim(undefined), is)).toEqual(deployment({ replicas: 4 }));
  });
  test("without replicas in Git has no annotation", () => {
    const result = overlay(deployment({}), claim(cursor("Resting")), live({ replicas: 0 }));
    expect(result.metadata.annotations).toBeUndefined();
    expect(result["spec"]).toMatchObject({ replicas: 0 });
  });
  test("that is handed back keeps the template that ran; a word of Git waits", () => {
    const is = live({ replicas: 4, template: { spec: { image: "ran" } } });
    expect(overlay(deployment({ replicas: 4 }), claim(cursor("Restoring")), is)["spec"]).toMatchObject({
      template: { spec: { image: "ran" } },
    });
  });
});

describe("a Service", () => {
  test.each<[Cursor["selection"], JsonObject]>([
    [{ kind: "Git" }, { app: "web" }],
    [
      { kind: "Revision", revision: "c" },
      { app: "web", "fairlead.dev/revision": "c" },
    ],
    [{ kind: "Serving" }, { app: "web", "fairlead.dev/serving": "true" }],
    [{ kind: "Workload" }, { app: "web", "fairlead.dev/serving": "handback" }],
  ])("selects %o", (selection, selector) => {
    expect(overlay(service, claim(cursor("Stepping", selection)), undefined)["spec"]).toEqual({
      selector,
      ports: [{ port: 80 }],
    });
  });
});

describe("a Service whose selector Git changes", () => {
  const git: Manifest = { ...service, spec: { selector: { app: "web", tier: "front" } } };
  const labelled = (stableLabels: Record<string, string>): Claim => ({
    ...claim(cursor("Stepping", { kind: "Serving" })),
    stableLabels,
  });

  test("keeps the selector that stable's pods match until a revision that matches the new one is stable", () => {
    const live: Manifest = { ...service, spec: { selector: { app: "web", "fairlead.dev/revision": "s" } } };
    expect(overlay(git, labelled({ app: "web" }), live)["spec"]).toMatchObject({
      selector: { app: "web", "fairlead.dev/serving": "true" },
    });
    expect(overlay(git, labelled({ app: "web", tier: "front" }), live)["spec"]).toMatchObject({
      selector: { app: "web", tier: "front", "fairlead.dev/serving": "true" },
    });
  });

  test("is another word of Git once it counts", () => {
    const word = (labels: Record<string, string>) => {
      const desired = overlay(git, labelled(labels), service);
      return wordOf(git, labelled(labels), desired);
    };
    expect(word({ app: "web" })).not.toBe(word({ app: "web", tier: "front" }));
  });
});

describe("an autoscaler", () => {
  const autoscaler = (kind: string, target: JsonObject): Manifest => ({
    apiVersion: "autoscaling/v2",
    kind,
    metadata: { name: "web", namespace: "shop" },
    spec: { scaleTargetRef: target, minReplicas: 2 },
  });
  const moved = { apiVersion: "fairlead.dev/v1alpha1", kind: "ProgressiveRollout", name: "web" };
  const ofWeb = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  test.each<[string, Manifest, Cursor | undefined, JsonObject]>([
    [
      "scales the rollout once that has taken over",
      autoscaler("HorizontalPodAutoscaler", ofWeb),
      cursor("Resting"),
      moved,
    ],
    [
      "of KEDA does so too, its kind being the default",
      autoscaler("ScaledObject", { name: "web" }),
      cursor("Stepping"),
      moved,
    ],
    ["scales the Deployment until then", autoscaler("HorizontalPodAutoscaler", ofWeb), cursor("Adopting"), ofWeb],
    [
      "scales the Deployment again when that is handed back",
      autoscaler("HorizontalPodAutoscaler", ofWeb),
      cursor("HandingBack"),
      ofWeb,
    ],
    ["scales it before the rollout has looked", autoscaler("HorizontalPodAutoscaler", ofWeb), undefined, ofWeb],
    [
      "of something else is Git's own",
      autoscaler("HorizontalPodAutoscaler", { ...ofWeb, name: "db" }),
      cursor("Resting"),
      { ...ofWeb, name: "db" },
    ],
  ])("%s", (_name, given, at, target) => {
    expect(overlay(given, claim(at), undefined)["spec"]).toMatchObject({ scaleTargetRef: target, minReplicas: 2 });
  });
});

test("P38: one scaler of KEDA stays one: it is moved as it is, and no revision has anything of it", () => {
  const scaledObject: Manifest = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "web", namespace: "shop", annotations: { "autoscaling.keda.sh/paused": "true" } },
    spec: { scaleTargetRef: { name: "web" }, triggers: [{ type: "prometheus" }] },
  };
  const moved = overlay(scaledObject, claim(cursor("Resting")), undefined);
  expect(moved).toEqual({
    ...scaledObject,
    spec: { ...(scaledObject["spec"] as JsonObject), scaleTargetRef: expect.anything() },
  });
  // KEDA makes a HorizontalPodAutoscaler of it, for the same target: that is nobody else's.
  const made: Manifest = { ...moved, apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" };
  expect(scales(made, "web")).toBe(false);
  const { metadata, ...rest } = deployment({ replicas: 2 });
  const paused: Manifest = { ...rest, metadata: { ...metadata, ...scaledObject.metadata } };
  const revision = revisionDeployment(paused, { rollout: "web", hash: "h4sh", replicas: 2, template: {} });
  expect(JSON.stringify(revision)).not.toContain("keda");
});

describe("what a sync leaves to the rollout", () => {
  const moved = (selector: Record<string, string>): Manifest => ({
    ...service,
    spec: { selector, ports: [{ port: 81 }] },
  });

  test("Fairlead's own entries of a selector are followed; Git's entries and other fields are not", () => {
    const live = moved({ app: "typo", "fairlead.dev/revision": "c" });
    expect(followed(service, claim(cursor("Stepping")), live)["spec"]).toEqual({
      selector: { app: "web", "fairlead.dev/revision": "c" },
      ports: [{ port: 80 }],
    });
  });
  test("the replicas of a taken-over Deployment are followed, its template is not", () => {
    const stored = deployment({ replicas: 0 });
    const live: Manifest = { ...stored, spec: { replicas: 3, template: { spec: { image: "other" } } } };
    expect(followed(stored, claim(cursor("Resting")), live)["spec"]).toEqual({
      replicas: 3,
      template: { spec: { image: "git" } },
    });
  });
  test("nothing is followed before the rollout has taken over", () => {
    expect(followed(service, claim(undefined), service)).toBe(service);
  });
});
