import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test, vi } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import type { ObjectCache, WatchQuery } from "../../ports/watch.ts";
import { type ApiRig, startApiRig } from "../../testing/apiRig.ts";
import { answer, type Received, reset, status, stream } from "../../testing/fakeApiServer.ts";
import { KubernetesWatcher, type WatcherOptions } from "./reflector.ts";

const query: WatchQuery = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop" };

function object(name: string, resourceVersion: string, uid = `uid-${name}`): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop", uid, resourceVersion } };
}

function list(resourceVersion: string, ...objects: readonly Manifest[]): object {
  // As the API server does: the items of a built-in kind do not say what they are.
  const items = objects.map(({ metadata }) => ({ metadata: { ...metadata, managedFields: [{ manager: "kubectl" }] } }));
  return { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion }, items };
}

const event = (type: string, about: Manifest): object => ({ type, object: about });

const bookmark = (resourceVersion: string): object => ({
  type: "BOOKMARK",
  object: { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion } },
});

type Script = (request: Received, response: ServerResponse, nth: number) => void | Promise<void>;

interface Scene extends AsyncDisposable {
  readonly rig: ApiRig;
  readonly cache: ObjectCache;
  readonly story: readonly string[];
  readonly troubles: readonly string[];
  readonly stop: AbortController;
  lists(): readonly Received[];
  watches(): readonly Received[];
}

/** Plays a list script and a watch script; `nth` counts the lists or the watches, from 1. */
async function play(
  lists: Script,
  watches: Script = (_request, response) => stream(response),
  options: WatcherOptions = {},
  what: WatchQuery = query,
): Promise<Scene> {
  const count = { list: 0, watch: 0 };
  const rig = await startApiRig((request, response) => {
    if (request.query.get("watch") === "true") return watches(request, response, ++count.watch);
    return lists(request, response, ++count.list);
  });
  const stop = new AbortController();
  const story: string[] = [];
  const troubles: string[] = [];
  const watcher = new KubernetesWatcher(rig.transport, rig.discovery, {
    minBackoffMs: 1,
    maxBackoffMs: 10,
    onTrouble: (_query, error) => troubles.push(error.message),
    ...options,
  });
  const cache = watcher.watch(
    what,
    ({ key, before, now }) => {
      story.push(`${key} ${before?.metadata.resourceVersion ?? "-"}>${now?.metadata.resourceVersion ?? "-"}`);
    },
    stop.signal,
  );
  const sent = (watch: boolean): readonly Received[] =>
    rig.server.requests.filter(
      (one) => one.path.endsWith("s") && (one.query.get("watch") === "true") === watch && one.query.size > 0,
    );
  return {
    rig,
    cache,
    story,
    troubles,
    stop,
    lists: () => sent(false),
    watches: () => sent(true),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await rig[Symbol.asyncDispose]();
    },
  };
}

const oneObject: Script = (_request, response) => answer(response, 200, list("10", object("a", "5")));

const until = async (check: () => void): Promise<void> => {
  await vi.waitFor(check, { interval: 2, timeout: 2_000 });
};

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

test.each([
  [500, "InternalError"],
  [503, "ServiceUnavailable"],
  [429, "TooManyRequests"],
  [403, "Forbidden"],
  [401, "Unauthorized"],
])("survives a list that answers %i", async (code, reason) => {
  await using scene = await play((request, response, nth) => {
    if (nth < 4) answer(response, code, status(code, reason, "no"), { "retry-after": "0" });
    else oneObject(request, response, nth);
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5"]));
  expect(scene.troubles.length).toBeGreaterThan(0);
  expect(scene.cache.synced).toBe(true);
});

test("starts the list again when its continue token has expired", async () => {
  await using scene = await play((request, response, nth) => {
    if (request.query.has("continue")) answer(response, 410, status(410, "Expired", "too old"));
    else if (nth === 1) answer(response, 200, { items: [], metadata: { resourceVersion: "3", continue: "next" } });
    else oneObject(request, response, nth);
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5"]));
  expect(scene.lists().map(({ query: sent }) => sent.get("continue"))).toEqual([null, "next", null]);
});

test("a list that breaks off in its body is made again", async () => {
  await using scene = await play((request, response, nth) => {
    if (nth > 1) return oneObject(request, response, nth);
    response.writeHead(200, { "content-length": "1000" }).write('{"items":[');
    setImmediate(() => reset(response));
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5"]));
});

test.each<readonly [string, Script]>([
  ["a 500", (_request, response) => answer(response, 500, status(500, "InternalError", "no"))],
  ["a 403", (_request, response) => answer(response, 403, status(403, "Forbidden", "no"))],
  ["a reset", (_request, response) => reset(response)],
  [
    "an ERROR event 500",
    (_request, response) => stream(response, { type: "ERROR", object: status(500, "InternalError", "no") }),
  ],
  ["a garbage line", (_request, response) => stream(response, "hunter2{")],
  ["an event of no type", (_request, response) => stream(response, { type: "WHAT", object: {} })],
  ["an end at once", (_request, response) => void response.writeHead(200).end()],
  [
    "a half line",
    (_request, response) => void response.writeHead(200).end('{"type":"DELETED","object":{"metadata":{"name":"a"'),
  ],
])("survives %s in the watch and goes on from where it was", async (_what, fault) => {
  await using scene = await play(oneObject, async (request, response, nth) => {
    if (nth === 1) {
      stream(response, event("MODIFIED", object("a", "11")));
      response.end();
    } else if (nth < 4) await fault(request, response, nth);
    else stream(response, event("MODIFIED", object("a", "12")));
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5", "shop/a 5>11", "shop/a 11>12"]));
  expect(scene.watches().map(({ query: sent }) => sent.get("resourceVersion"))).toEqual(["10", "11", "11", "11"]);
  expect(scene.lists()).toHaveLength(1);
  expect(scene.troubles.join()).not.toContain("hunter2");
});

test("a reset between two events loses none", async () => {
  await using scene = await play(oneObject, (_request, response, nth) => {
    stream(response, event("ADDED", object(`n${nth}`, `${10 + nth}`)));
    setTimeout(() => reset(response), 2);
  });
  await until(() => expect(scene.story.length).toBeGreaterThan(4));
  expect(scene.story.slice(0, 4)).toEqual(["shop/a ->5", "shop/n1 ->11", "shop/n2 ->12", "shop/n3 ->13"]);
});

test("an event may come byte by byte, with characters of several bytes", async () => {
  const special: Manifest = { ...object("a", "11"), data: { text: "größe→🚀" } };
  await using scene = await play(oneObject, async (_request, response) => {
    stream(response);
    for (const byte of Buffer.from(`${JSON.stringify(event("MODIFIED", special))}\n`)) {
      response.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await until(() => expect(scene.cache.get("shop/a")).toMatchObject({ data: { text: "größe→🚀" } }));
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

test("lists again when a watch fails time after time", async () => {
  await using scene = await play(oneObject, (_request, response, nth) => {
    if (nth < 4) stream(response, "garbage");
    else stream(response);
  });
  await until(() => expect(scene.watches()).toHaveLength(4));
  expect(scene.lists()).toHaveLength(2);
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

test("a watch that falls silent after bookmarks is cut and begun anew", async () => {
  await using scene = await play(oneObject, (_request, response) => stream(response, bookmark("11")), { idleMs: 20 });
  await until(() => expect(scene.watches().length).toBeGreaterThanOrEqual(3));
  expect(scene.lists()).toHaveLength(1);
});

test("bytes without an end of line do not keep a dead watch alive", async () => {
  await using scene = await play(
    oneObject,
    (_request, response) => {
      stream(response, bookmark("11"));
      const drip = setInterval(() => response.write(" "), 4);
      response.on("close", () => clearInterval(drip));
    },
    { idleMs: 20 },
  );
  await until(() => expect(scene.watches().length).toBeGreaterThanOrEqual(2));
});

test("a quiet watch without bookmarks is left alone until its own end", async () => {
  await using scene = await play(oneObject, undefined, { idleMs: 1, minWatchSeconds: 0.01, graceMs: 60 });
  await until(() => expect(scene.watches()).toHaveLength(1));
  await until(() => expect(scene.watches()).toHaveLength(2));
  const [first] = scene.watches();
  expect(first?.query.get("timeoutSeconds")).toBe("1");
  expect(scene.troubles.length).toBeLessThanOrEqual(1);
});

test("a watch that gets no answer is bounded", async () => {
  await using scene = await play(oneObject, () => undefined, { listTimeoutMs: 20 });
  await until(() => expect(scene.watches().length).toBeGreaterThanOrEqual(2));
  expect(scene.troubles[0]).toContain("no answer within the time limit");
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
      nth === 1 ? oneObject(request, response, nth) : answer(response, 404, "404 page not found"),
    (_request, response) => answer(response, 404, "404 page not found"),
  );
  await until(() => expect(scene.story).toEqual(["shop/a ->5", "shop/a 5>-"]));
});

test("backs off while it fails", async () => {
  const at: number[] = [];
  const refuse: Script = (_request, response) => {
    at.push(performance.now());
    answer(response, 503, status(503, "ServiceUnavailable", "no"));
  };
  await using scene = await play(refuse, undefined, { minBackoffMs: 2, maxBackoffMs: 1_000 });
  await until(() => expect(at).toHaveLength(7));
  // Half of 2 + 4 + 8 + 16 + 32 + 64: jitter takes away no more.
  expect((at[6] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(63 - 6);
  expect(scene.cache.synced).toBe(false);
});

test("is quick again after news", async () => {
  await using scene = await play(
    oneObject,
    (_request, response, nth) => {
      if (nth % 2 === 0) stream(response, event("MODIFIED", object("a", String(10 + nth))));
      setImmediate(() => reset(response));
    },
    { minBackoffMs: 1, maxBackoffMs: 60_000 },
  );
  // Without the reset, the twentieth watch would wait for minutes.
  await until(() => expect(scene.watches().length).toBeGreaterThan(20));
});

test("an abort ends the list, the watch and the wait at once, and leaves no listener", async () => {
  const life = new AbortController();
  const cut: string[] = [];
  const rig = await startApiRig((request, response) => {
    response.on("close", () => response.writableFinished || cut.push(request.path));
    if (request.path.includes("hang")) return;
    if (request.query.has("watch")) stream(response);
    else if (request.path.includes("secrets")) answer(response, 500, status(500, "InternalError", "no"));
    else oneObject(request, response, 1);
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
