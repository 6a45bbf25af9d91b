import { describe, expect, it } from "vitest";
import type { Manifest } from "../objects.ts";
import { firstPlanOf, firstPlanText } from "./firstPlan.ts";
import { parseGitSync } from "./gitsync.ts";
import { API_VERSION, Mark } from "./names.ts";

const planned = { id: "/ConfigMap/shop/a", apiVersion: "v1" };
const applied = { ...planned, uid: "1" };

function sync(plan: string | undefined, uid = "u-1"): Manifest {
  const annotations = plan === undefined ? {} : { annotations: { [Mark.firstPlan]: plan } };
  return {
    apiVersion: API_VERSION,
    kind: "GitSync",
    metadata: { name: "app", namespace: "shop", uid, ...annotations },
    spec: { url: "https://git.example.com/x.git" },
  };
}

const text = firstPlanText(sync(undefined), [applied]) ?? "";

describe("the first plan of a sync", () => {
  it("says what is about to be applied, and nothing of uids: the marks prove what was", () => {
    expect(firstPlanOf(sync(text))).toEqual([planned]);
    expect(firstPlanOf(sync(undefined))).toBeUndefined();
    expect(firstPlanOf(sync(JSON.stringify({ uid: "u-1", objects: [applied] })))).toEqual([planned]);
  });

  it("is no inventory: whoever may edit a sync may write it", () => {
    expect(parseGitSync(sync(text)).status.inventory).toBeUndefined();
  });

  it.each([
    ["of the sync that this one was copied from", sync(text, "u-2")],
    ["without a uid", sync(JSON.stringify({ uid: "", objects: [planned] }), "")],
    ["that is no JSON", sync("{")],
    ["of another shape", sync(JSON.stringify({ uid: "u-1", objects: ["x"] }))],
    ["that is longer than any of ours", sync(`${text}${" ".repeat(5_000)}`)],
  ])("counts for nothing: one %s", (_name, object) => {
    expect(firstPlanOf(object)).toBeUndefined();
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
