import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { ownerMark, ownerOf, protectedNamespace } from "./owner.ts";

const SYNC = { namespace: "team", name: "shop" };
const web = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
const marked = (mark: string, name = "web"): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "shop", annotations: { [Mark.owner]: mark } },
});

test("the mark names the sync and the object", () => {
  expect(ownerMark(SYNC, web)).toBe("team/shop/apps/Deployment/shop/web");
  expect(ownerMark(SYNC, { apiVersion: "v1", kind: "Namespace", name: "shop" })).toBe("team/shop//Namespace//shop");
});

test.each([
  ["a mark that names the object is its owner's claim", marked(ownerMark(SYNC, web)), SYNC],
  ["a mark copied to another object is no claim", marked(ownerMark(SYNC, web), "other"), undefined],
  ["half a mark is no claim", marked("team/shop"), undefined],
  ["a mark with a tail is no claim", marked(`${ownerMark(SYNC, web)}/x`), undefined],
  ["a mark without a sync is no claim", marked("//apps/Deployment/shop/web"), undefined],
  ["an object without annotations has no owner", { ...marked(""), metadata: { name: "web" } }, undefined],
])("%s", (_sentence, object, owner) => {
  expect(ownerOf(object)).toEqual(owner);
});

test("the version of an object doesn't matter to its mark", () => {
  expect(ownerOf({ ...marked(ownerMark(SYNC, web)), apiVersion: "apps/v1beta1" })).toEqual(SYNC);
});

test.each([
  [
    "an object in kube-system",
    { apiVersion: "v1", kind: "ConfigMap", namespace: "kube-system", name: "x" },
    "kube-system",
  ],
  ["an object beside Fairlead", { apiVersion: "v1", kind: "ConfigMap", namespace: "fairlead", name: "x" }, "fairlead"],
  ["the namespace itself", { apiVersion: "v1", kind: "Namespace", name: "kube-public" }, "kube-public"],
  ["an ordinary object is not protected", web, undefined],
  [
    "a cluster-wide object is not protected for its name",
    { apiVersion: "x.dev/v1", kind: "Namespace", name: "fairlead" },
    undefined,
  ],
])("protects: %s", (_sentence, ref, namespace) => {
  expect(protectedNamespace(ref, "fairlead")).toBe(namespace);
});
