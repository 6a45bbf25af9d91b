import { describe, expect, it } from "vitest";
import type { JsonObject } from "../json.ts";
import type { Manifest } from "../objects.ts";
import { firstPlanOf, firstPlanText } from "./firstPlan.ts";
import { parseGitSync } from "./gitsync.ts";
import { API_VERSION, Mark } from "./names.ts";

const planned = { id: "/ConfigMap/shop/a", apiVersion: "v1" };
const applied = { ...planned, uid: "1" };

function sync(plan: string | undefined, status?: JsonObject, uid = "u-1"): Manifest {
  const annotations = plan === undefined ? {} : { annotations: { [Mark.firstPlan]: plan } };
  return {
    apiVersion: API_VERSION,
    kind: "GitSync",
    metadata: { name: "app", namespace: "shop", uid, ...annotations },
    spec: { url: "https://git.example.com/x.git" },
    ...(status === undefined ? {} : { status }),
  };
}

const text = firstPlanText(sync(undefined), [applied]) ?? "";

describe("the first plan of a sync", () => {
  it("is its inventory until the status has one, be it an empty one", () => {
    expect(parseGitSync(sync(text)).status.inventory).toEqual([planned]);
    expect(parseGitSync(sync(text, { objects: 1 })).status.inventory).toEqual([planned]);
    expect(parseGitSync(sync(text, { inventory: [] })).status.inventory).toEqual([]);
    expect(parseGitSync(sync(undefined)).status.inventory).toBeUndefined();
  });

  it.each([
    ["of the sync that this one was copied from", sync(text, undefined, "u-2")],
    ["without a uid", sync(JSON.stringify({ uid: "", objects: [planned] }), undefined, "")],
    ["that is no JSON", sync("{")],
    ["of another shape", sync(JSON.stringify({ uid: "u-1", objects: ["x"] }))],
    ["that is longer than any of ours", sync(`${text}${" ".repeat(5_000)}`)],
  ])("counts for nothing: one %s", (_name, object) => {
    expect(firstPlanOf(object)).toBeUndefined();
  });

  it("says nothing of uids: what it names is proven by the marks", () => {
    expect(text).toBe(JSON.stringify({ uid: "u-1", objects: [planned] }));
    expect(firstPlanOf(sync(JSON.stringify({ uid: "u-1", objects: [applied] })))).toEqual([planned]);
  });

  it("is not made of a set that is too large for it", () => {
    const many = Array.from({ length: 80 }, (_, n) => ({
      id: `apps/Deployment/shop/web-${n}-of-many`,
      apiVersion: "apps/v1",
    }));
    expect(firstPlanText(sync(undefined), many.slice(0, 40))).toBeDefined();
    expect(firstPlanText(sync(undefined), many)).toBeUndefined();
  });
});
