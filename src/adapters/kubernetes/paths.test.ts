import { expect, test } from "vitest";
import { collectionPath, groupVersionPath, objectPath, withQuery } from "./paths.ts";

const pods = { resource: "pods", namespaced: true };
const nodes = { resource: "nodes", namespaced: false };
const deployments = { resource: "deployments", namespaced: true };

test.each([
  [groupVersionPath("v1"), "/api/v1"],
  [groupVersionPath("apps/v1"), "/apis/apps/v1"],
  [collectionPath("v1", pods), "/api/v1/pods"],
  [collectionPath("v1", pods, "shop"), "/api/v1/namespaces/shop/pods"],
  [collectionPath("v1", nodes, "shop"), "/api/v1/nodes"],
  [objectPath({ apiVersion: "v1", kind: "Node", name: "a" }, nodes), "/api/v1/nodes/a"],
  [objectPath({ apiVersion: "v1", kind: "Node", namespace: "x", name: "a" }, nodes), "/api/v1/nodes/a"],
  [
    objectPath({ apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" }, deployments, "scale"),
    "/apis/apps/v1/namespaces/shop/deployments/web/scale",
  ],
  [objectPath({ apiVersion: "v1", kind: "Node", name: "system:a b" }, nodes), "/api/v1/nodes/system%3Aa%20b"],
  [withQuery("/a", { x: "1,2", y: undefined }), "/a?x=1%2C2"],
  [withQuery("/a", { y: undefined }), "/a"],
])("%s", (path, expected) => {
  expect(path).toBe(expected);
});

test.each(["", ".", "..", "a/b", "a%2fb"])("the name %j is refused", (name) => {
  expect(() => objectPath({ apiVersion: "v1", kind: "Node", name }, nodes)).toThrow(/no valid name/);
  expect(() => collectionPath("v1", pods, name)).toThrow(/no valid namespace/);
});

test("a namespaced object without a namespace is refused", () => {
  expect(() => objectPath({ apiVersion: "v1", kind: "Pod", name: "a" }, pods)).toThrow("has no namespace");
});

test("an apiVersion with two slashes is refused", () => {
  expect(() => groupVersionPath("a/b/c")).toThrow("two slashes");
});
