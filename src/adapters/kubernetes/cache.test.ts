import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import type { WatchQuery } from "../../ports/watch.ts";
import { compareVersions, WatchedCache } from "./cache.ts";

const query: WatchQuery = { apiVersion: "v1", kind: "ConfigMap" };

function object(
  name: string,
  resourceVersion: string,
  more: { uid?: string; labels?: Record<string, string> } = {},
): Manifest {
  const metadata = { name, namespace: "shop", uid: `uid-${name}`, resourceVersion, managedFields: [], ...more };
  return { apiVersion: "v1", kind: "ConfigMap", metadata };
}

function rig(more: Partial<WatchQuery> = {}): { cache: WatchedCache; story: string[] } {
  const story: string[] = [];
  const cache = new WatchedCache({ ...query, ...more }, ({ key, before, now }) => {
    story.push(`${key} ${before?.metadata.resourceVersion ?? "-"}>${now?.metadata.resourceVersion ?? "-"}`);
  });
  return { cache, story };
}

test("versions are compared as numbers of any length", () => {
  expect(compareVersions("9", "10")).toBe(-1);
  expect(compareVersions("90071992547409931", "90071992547409930")).toBe(1);
  expect(compareVersions("7", "7")).toBe(0);
  expect(compareVersions("abc", "7")).toBeUndefined();
});

test("a relist reports only what changed, and deletes what is gone", () => {
  const { cache, story } = rig();
  cache.replace([object("a", "1"), object("b", "2"), object("c", "3")], "5");
  story.length = 0;
  cache.replace([object("a", "1"), object("b", "7")], "8");
  expect(story).toEqual(["shop/b 2>7", "shop/c 3>-"]);
});

test("an object that was deleted and made anew is a change", () => {
  const { cache, story } = rig();
  cache.replace([object("a", "1")], "5");
  cache.replace([object("a", "9", { uid: "another" })], "10");
  expect(story).toEqual(["shop/a ->1", "shop/a 1>9"]);
});

test("an own write is seen at once, and its watch event is no second change", () => {
  const { cache, story } = rig();
  cache.replace([object("a", "1")], "5");
  cache.put(object("a", "6"));
  expect(cache.get("shop/a")?.metadata.resourceVersion).toBe("6");
  cache.event("MODIFIED", object("a", "6"));
  expect(story).toEqual(["shop/a ->1", "shop/a 1>6"]);
});

test("an own write never replaces something newer", () => {
  const { cache } = rig();
  cache.replace([object("a", "7")], "7");
  cache.put(object("a", "6"));
  expect(cache.get("shop/a")?.metadata.resourceVersion).toBe("7");
});

test("of two own writes the newer one stays, in whatever order their answers come", () => {
  const { cache } = rig();
  cache.replace([object("a", "1")], "5");
  cache.put(object("a", "7"));
  cache.put(object("a", "6"));
  expect(cache.get("shop/a")?.metadata.resourceVersion).toBe("7");
});

test("another uid is a change even when nothing else tells the objects apart", () => {
  const { cache, story } = rig();
  cache.replace([object("a", "x")], "x");
  cache.replace([object("a", "x", { uid: "another" })], "x");
  expect(story).toEqual(["shop/a ->x", "shop/a x>x"]);
});

test("a late event older than an own write is ignored", () => {
  const { cache } = rig();
  cache.replace([object("a", "1")], "5");
  cache.put(object("a", "10"));
  cache.event("MODIFIED", object("a", "8"));
  expect(cache.get("shop/a")?.metadata.resourceVersion).toBe("10");
});

test("a late DELETE of an earlier object is ignored", () => {
  const { cache } = rig();
  cache.replace([object("a", "1")], "5");
  cache.put(object("a", "10", { uid: "another" }));
  cache.event("DELETED", object("a", "8"));
  expect(cache.get("shop/a")?.metadata.uid).toBe("another");
  cache.event("DELETED", object("a", "12", { uid: "another" }));
  expect(cache.get("shop/a")).toBeUndefined();
});

test("a late answer of an own write does not bring a deleted object back", () => {
  const { cache } = rig();
  cache.replace([object("a", "1")], "5");
  cache.event("DELETED", object("a", "9"));
  cache.put(object("a", "8"));
  expect(cache.list()).toEqual([]);
});

test("a list made before an own write does not undo it", () => {
  const { cache } = rig();
  cache.put(object("new", "12"));
  cache.put(object("a", "11"));
  cache.replace([object("a", "1")], "10");
  expect(cache.list().map(({ metadata }) => metadata.resourceVersion)).toEqual(["12", "11"]);
  cache.passed("20");
  cache.replace([object("a", "11")], "21");
  expect(cache.list()).toHaveLength(1);
});

test("versions that are no numbers are taken as they come", () => {
  const { cache } = rig();
  cache.replace([object("a", "x1")], "x5");
  cache.put(object("a", "x2"));
  cache.event("MODIFIED", object("a", "x3"));
  expect(cache.get("shop/a")?.metadata.resourceVersion).toBe("x3");
});

test("an own write outside the query is not kept", () => {
  const { cache } = rig({ namespace: "shop", labelSelector: "app=web" });
  cache.replace([object("a", "1", { labels: { app: "web" } })], "1");
  cache.put({ ...object("b", "2"), metadata: { ...object("b", "2").metadata, namespace: "other" } });
  cache.put(object("c", "3", { labels: { app: "api" } }));
  cache.put(object("d", "4", { labels: { app: "web" } }));
  expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(["a", "d"]);
  cache.put(object("a", "5", { labels: {} }));
  expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(["d"]);
});

test("managedFields are dropped and trim is applied once to each object", () => {
  let trims = 0;
  const { cache } = rig({
    trim: (whole) => {
      trims += 1;
      return whole;
    },
  });
  cache.event("ADDED", object("a", "1"));
  cache.put(object("a", "2"));
  expect(trims).toBe(2);
  expect(cache.get("shop/a")?.metadata).not.toHaveProperty("managedFields");
});

test("an object of another kind is a defect of the caller", () => {
  const { cache } = rig();
  expect(() => cache.put({ ...object("a", "1"), kind: "Secret" })).toThrow("was put into the cache of ConfigMap");
});

test("the objects of one namespace are listed without the others, and follow every change", () => {
  const { cache } = rig();
  const elsewhere = (name: string, version: string): Manifest => {
    const one = object(name, version);
    return { ...one, metadata: { ...one.metadata, namespace: "elsewhere" } };
  };
  const names = (namespace?: string) => cache.list(namespace).map(({ metadata }) => metadata.name);
  cache.replace([object("a", "1"), object("b", "2"), elsewhere("c", "3")], "5");
  expect([names("shop"), names("elsewhere"), names("none"), names()]).toEqual([["a", "b"], ["c"], [], ["a", "b", "c"]]);
  cache.event("DELETED", object("a", "6"));
  cache.event("MODIFIED", elsewhere("c", "7"));
  cache.put(elsewhere("d", "8"));
  expect([names("shop"), names("elsewhere")]).toEqual([["b"], ["c", "d"]]);
  expect(cache.list("elsewhere")[0]?.metadata.resourceVersion).toBe("7");
});
