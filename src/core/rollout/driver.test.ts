import { describe, expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { driverOf, rivalOf } from "./driver.ts";

const rollout = (name: string, workload: string, service: string, second: number, namespace = "shop"): Manifest => ({
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "ProgressiveRollout",
  metadata: { name, namespace, uid: `uid-${name}`, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  spec: { workloadRef: { name: workload }, serviceRef: { name: service } },
});
const object = (kind: string, name: string): Manifest => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace: "shop" },
  spec: {},
});

describe("of two rollouts of one object", () => {
  const older = rollout("web", "web", "web", 1);
  const copy = rollout("a-copy", "web", "other", 2);
  test.each<[string, Manifest, readonly Manifest[], string | undefined]>([
    ["the younger has a rival by its Deployment", copy, [copy, older], "web"],
    ["the younger has a rival by its Service", rollout("b", "x", "web", 2), [older], "web"],
    ["the older has none", older, [copy, older], undefined],
    ["one in another namespace is none", rollout("web", "web", "web", 2, "else"), [older], undefined],
  ])("%s", (_name, one, all, rival) => {
    expect(rivalOf(one, all)?.metadata.name).toBe(rival);
  });

  test("the older one's word counts, in whatever order they are listed", () => {
    expect(driverOf([copy, older], object("Deployment", "web"))?.metadata.name).toBe("web");
    expect(driverOf([older, copy], object("Service", "web"))?.metadata.name).toBe("web");
  });

  test("one that is held back has no word on what it names alone", () => {
    expect(driverOf([copy, older], object("Service", "other"))).toBeUndefined();
  });

  test("an object of another kind has no rollout", () => {
    expect(driverOf([older], object("ConfigMap", "web"))).toBeUndefined();
  });
});
