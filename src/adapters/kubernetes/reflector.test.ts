import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { startApiRig } from "../../testing/apiRig.ts";
import { answer, reset, status, stream } from "../../testing/fakeApiServer.ts";
import { bookmark, event, list, object, oneObject, play, query, type Script, until } from "../../testing/watchScene.ts";
import { KubernetesWatcher } from "./reflector.ts";

test("lists in pages, then watches from there with bookmarks and a random end", async () => {
  await using scene = await play(
    (request, response) => {
      const page = { ...list("10", object(request.query.has("continue") ? "b" : "a", "5")) };
      const more = request.query.has("continue") ? {} : { continue: "next" };
      answer(response, 200, { ...page, metadata: { resourceVersion: "10", ...more } });
    },
    (_request, response) => stream(response, event("MODIFIED", object("b", "12"))),
    {},
    { ...query, labelSelector: "app=web" },
  );
  await until(() => expect(scene.story).toEqual(["shop/a ->5", "shop/b ->5", "shop/b 5>12"]));
  expect(scene.lists().map(({ query: sent }) => [sent.get("limit"), sent.get("continue")])).toEqual([
    ["500", null],
    ["500", "next"],
  ]);
  const [watch] = scene.watches();
  expect(watch?.path).toBe("/api/v1/namespaces/shop/configmaps");
  expect(watch?.query.get("resourceVersion")).toBe("10");
  expect(watch?.query.get("allowWatchBookmarks")).toBe("true");
  expect(watch?.query.get("labelSelector")).toBe("app=web");
  expect(Number(watch?.query.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
  expect(Number(watch?.query.get("timeoutSeconds"))).toBeLessThanOrEqual(600);
  expect(scene.cache.get("shop/a")).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
  expect(scene.cache.get("shop/a")?.metadata).not.toHaveProperty("managedFields");
});

test("is synced only when the first list is complete", async () => {
  const gate = Promise.withResolvers<void>();
  await using scene = await play(async (request, response) => {
    if (request.query.has("continue")) await gate.promise;
    const more = request.query.has("continue") ? {} : { continue: "next" };
    answer(response, 200, { items: [], metadata: { resourceVersion: "10", ...more } });
  });
  await until(() => expect(scene.lists()).toHaveLength(2));
  expect(scene.cache.synced).toBe(false);
  const watcher = new KubernetesWatcher(scene.rig.transport, scene.rig.discovery);
  const impatient = new AbortController();
  const given = watcher.untilSynced([scene.cache], impatient.signal);
  impatient.abort(new Error("no time"));
  await expect(given).rejects.toThrow("no time");
  gate.resolve();
  await watcher.untilSynced([scene.cache], scene.stop.signal);
  expect(scene.cache.synced).toBe(true);
});

test.each<readonly [string, Script]>([
  [
    "an ERROR event 410",
    (_request, response) => stream(response, { type: "ERROR", object: status(410, "Expired", "too old") }),
  ],
  ["a 410", (_request, response) => answer(response, 410, status(410, "Expired", "too old"))],
])("lists again after %s: deletes what is gone, says only what changed", async (_what, expired) => {
  await using scene = await play(
    (_request, response, nth) => {
      if (nth === 1) answer(response, 200, list("10", object("a", "1"), object("b", "2"), object("c", "3")));
      else answer(response, 200, list("20", object("a", "1"), object("b", "15", "made anew")));
    },
    (request, response, nth) => (nth === 1 ? expired(request, response, nth) : stream(response)),
  );
  await until(() => expect(scene.watches()).toHaveLength(2));
  expect(scene.story.slice(3)).toEqual(["shop/b 2>15", "shop/c 3>-"]);
  expect(scene.watches()[1]?.query.get("resourceVersion")).toBe("20");
});

test("a bookmark moves the place where the next watch begins", async () => {
  await using scene = await play(oneObject, (_request, response, nth) => {
    stream(response, bookmark(`${nth}00`));
    response.end();
  });
  await until(() => expect(scene.watches().length).toBeGreaterThanOrEqual(3));
  const from = scene.watches().map(({ query: sent }) => sent.get("resourceVersion"));
  expect(from.slice(0, 3)).toEqual(["10", "100", "200"]);
  expect(scene.story).toEqual(["shop/a ->5"]);
});

test("a quiet watch without bookmarks is left alone until its own end", async () => {
  await using scene = await play(oneObject, undefined, { idleMs: 1, minWatchSeconds: 0.01, graceMs: 60 });
  await until(() => expect(scene.watches()).toHaveLength(1));
  await until(() => expect(scene.watches()).toHaveLength(2));
  const [first] = scene.watches();
  expect(first?.query.get("timeoutSeconds")).toBe("1");
  expect(scene.troubles.length).toBeLessThanOrEqual(1);
});

test("a kind that is not served is synced and empty, and watched as soon as it is", async () => {
  let served = false;
  const rig = await startApiRig((request, response) => {
    if (!served) answer(response, 404, "404 page not found");
    else if (request.path === "/apis/example.com/v1") {
      answer(response, 200, { resources: [{ name: "widgets", kind: "Widget", namespaced: true }] });
    } else if (request.query.has("watch")) stream(response);
    else
      answer(response, 200, {
        metadata: { resourceVersion: "3" },
        items: [{ metadata: { name: "w", namespace: "shop", resourceVersion: "2" } }],
      });
  });
  const stop = new AbortController();
  const watcher = new KubernetesWatcher(rig.transport, rig.discovery, { minBackoffMs: 1, maxBackoffMs: 5 });
  const cache = watcher.watch({ apiVersion: "example.com/v1", kind: "Widget" }, () => undefined, stop.signal);
  await watcher.untilSynced([cache], stop.signal);
  expect(cache.list()).toEqual([]);
  served = true;
  await until(() => expect(cache.list()).toHaveLength(1));
  served = false;
  stop.abort(new Error("done"));
  await rig[Symbol.asyncDispose]();
});

test("a definition that is removed empties the cache", async () => {
  await using scene = await play(
    (request, response, nth) =>
      nth === 1 ? oneObject(request, response) : answer(response, 404, "404 page not found"),
    (_request, response) => answer(response, 404, "404 page not found"),
  );
  await until(() => expect(scene.story).toEqual(["shop/a ->5", "shop/a 5>-"]));
});

test("an abort ends the list, the watch and the wait at once, and leaves no listener", async () => {
  const life = new AbortController();
  const cut: string[] = [];
  const rig = await startApiRig((request, response) => {
    response.on("close", () => response.writableFinished || cut.push(request.path));
    if (request.path.includes("hang")) return;
    if (request.query.has("watch")) stream(response);
    else if (request.path.includes("secrets")) answer(response, 500, status(500, "InternalError", "no"));
    else oneObject(request, response);
  });
  const watcher = new KubernetesWatcher(rig.transport, rig.discovery, { minBackoffMs: 60_000, maxBackoffMs: 60_000 });
  const kinds = [query, { ...query, namespace: "hang" }, { ...query, kind: "Secret" }];
  for (const one of kinds) watcher.watch(one, () => undefined, life.signal);
  await until(() => expect(rig.server.requests.filter(({ query: sent }) => sent.size > 0)).toHaveLength(4));
  await until(() => expect(rig.records.filter(({ verb }) => verb === "watch")).toHaveLength(1));
  life.abort(new Error("over"));
  await until(() => expect(getEventListeners(life.signal, "abort")).toHaveLength(0));
  await until(() => expect(cut).toHaveLength(2));
  expect(rig.server.requests.filter(({ query: sent }) => sent.size > 0)).toHaveLength(4);
  await rig[Symbol.asyncDispose]();
});

test("a long life of lists and watches leaves no listener on its signal", async () => {
  await using scene = await play(oneObject, (_request, response) => reset(response), { maxBackoffMs: 1 });
  await until(() => expect(scene.watches().length).toBeGreaterThan(30));
  expect(getEventListeners(scene.stop.signal, "abort").length).toBeLessThanOrEqual(2);
});
