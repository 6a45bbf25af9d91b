import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { answer, reset, status, stream } from "../../testing/fakeApiServer.ts";
import { bookmark, event, object, oneObject, play, type Script, until } from "../../testing/watchScene.ts";

test.each([
  [500, "InternalError"],
  [503, "ServiceUnavailable"],
  [429, "TooManyRequests"],
  [403, "Forbidden"],
  [401, "Unauthorized"],
])("survives a list that answers %i", async (code, reason) => {
  await using scene = await play((request, response, nth) => {
    if (nth < 4) answer(response, code, status(code, reason, "no"), { "retry-after": "0" });
    else oneObject(request, response);
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5"]));
  expect(scene.troubles.length).toBeGreaterThan(0);
  expect(scene.cache.synced).toBe(true);
});

test("starts the list again when its continue token has expired", async () => {
  await using scene = await play((request, response, nth) => {
    if (request.query.has("continue")) answer(response, 410, status(410, "Expired", "too old"));
    else if (nth === 1) answer(response, 200, { items: [], metadata: { resourceVersion: "3", continue: "next" } });
    else oneObject(request, response);
  });
  await until(() => expect(scene.story).toEqual(["shop/a ->5"]));
  expect(scene.lists().map(({ query: sent }) => sent.get("continue"))).toEqual([null, "next", null]);
});

test("a list that breaks off in its body is made again", async () => {
  await using scene = await play((request, response, nth) => {
    if (nth > 1) return oneObject(request, response);
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

test("lists again when a watch fails time after time", async () => {
  await using scene = await play(oneObject, (_request, response, nth) => {
    if (nth < 4) stream(response, "garbage");
    else stream(response);
  });
  await until(() => expect(scene.watches()).toHaveLength(4));
  expect(scene.lists()).toHaveLength(2);
});

test("an outage does not make it list again", async () => {
  await using scene = await play(oneObject, (_request, response, nth) => {
    if (nth > 8) stream(response);
    else if (nth % 2 === 0) reset(response);
    else answer(response, 503, status(503, "ServiceUnavailable", "no"));
  });
  await until(() => expect(scene.watches()).toHaveLength(9));
  expect(scene.lists()).toHaveLength(1);
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

test("a watch that gets no answer is bounded", async () => {
  await using scene = await play(oneObject, () => undefined, { listTimeoutMs: 20 });
  await until(() => expect(scene.watches().length).toBeGreaterThanOrEqual(2));
  expect(scene.troubles[0]).toContain("no answer within the time limit");
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
