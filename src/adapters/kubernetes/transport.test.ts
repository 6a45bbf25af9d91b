import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { startApiRig } from "../../testing/apiRig.ts";
import { answer, reset, status } from "../../testing/fakeApiServer.ts";
import { Places } from "./places.ts";
import type { Call } from "./transport.ts";

const call: Call = { verb: "get", resource: "things", path: "/things", what: "get things", retry: "Always" };
const never = new AbortController().signal;

test.each([429, 503])("%i with Retry-After is tried again", async (code) => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth < 3) answer(response, code, status(code, "Busy", "busy"), { "retry-after": "0" });
    else answer(response, 200, { kind: "Thing" });
  });
  expect(await rig.transport.json({ ...call, retry: "Unsent" }, never)).toEqual({ kind: "Thing" });
  expect(rig.records.map((record) => record.code)).toEqual([code, code, 200]);
});

test("Retry-After is honoured, and not waited for beyond the limit of the call", async () => {
  await using rig = await startApiRig(({ path }, response) => {
    answer(response, 429, status(429, "TooManyRequests", "busy"), { "retry-after": path === "/long" ? "60" : "0" });
  });
  const started = performance.now();
  await expect(rig.transport.json({ ...call, path: "/long" }, never)).rejects.toMatchObject({
    kind: "Throttled",
    retryAfterMs: 60_000,
  });
  expect(performance.now() - started).toBeLessThan(1000);
  expect(rig.server.requests).toHaveLength(1);
  await expect(rig.transport.json(call, never)).rejects.toMatchObject({ kind: "Throttled" });
  expect(rig.server.requests).toHaveLength(5);
});

test("a 503 without Retry-After is the caller's to repeat", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 503, status(503, "Gone", "down")));
  await expect(rig.transport.json(call, never)).rejects.toMatchObject({ kind: "Unavailable", code: 503 });
  expect(rig.server.requests).toHaveLength(1);
});

test("a reset is tried again when the call may be repeated", async () => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth < 3) reset(response);
    else answer(response, 200, { kind: "Thing" });
  });
  expect(await rig.transport.json(call, never)).toEqual({ kind: "Thing" });
  expect(rig.records.map((record) => record.code)).toEqual([0, 0, 200]);
});

test("resets are not tried for ever, and never for a call that may not be repeated", async () => {
  await using rig = await startApiRig((_request, response) => reset(response));
  await expect(rig.transport.json(call, never)).rejects.toMatchObject({ kind: "Unavailable" });
  expect(rig.server.requests).toHaveLength(4);
  await expect(rig.transport.json({ ...call, path: "/once", retry: "Unsent" }, never)).rejects.toThrow(
    /cannot be reached/,
  );
  expect(rig.server.requests).toHaveLength(5);
});

test("a body that breaks off is a network error", async () => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth > 1) return answer(response, 200, { kind: "Thing" });
    response.writeHead(200, { "content-length": "100" }).write('{"kind":');
    setImmediate(() => reset(response));
  });
  expect(await rig.transport.json(call, never)).toEqual({ kind: "Thing" });
});

test("a call that gets no answer ends by its time limit", async () => {
  await using rig = await startApiRig(() => undefined, { transport: { timeoutMs: 50 } });
  await expect(rig.transport.json(call, never)).rejects.toThrow("cannot get things: no answer within the time limit");
});

test("a body that never ends is bounded as well", async () => {
  await using rig = await startApiRig((_request, response) => void response.writeHead(200).write("{"), {
    transport: { timeoutMs: 50 },
  });
  await expect(rig.transport.json(call, never)).rejects.toThrow("time limit");
});

test("the caller's abort ends the call at once, with the caller's reason", async () => {
  const stop = new AbortController();
  await using rig = await startApiRig(() => stop.abort(new Error("shutting down")));
  await expect(rig.transport.json(call, stop.signal)).rejects.toThrow("shutting down");
});

test("an answer that is no JSON is not quoted", async () => {
  await using rig = await startApiRig((_request, response) => void response.writeHead(200).end("hunter2"));
  await expect(rig.transport.json(call, never)).rejects.toThrow("cannot get things: the answer is no JSON object");
});

test("2,000 requests use a bounded number of connections and leave no listener", async () => {
  await using rig = await startApiRig(({ path }, response) => {
    if (path === "/missing") answer(response, 404, status(404, "NotFound", "no", { name: "a" }));
    else answer(response, 200, { kind: "Thing" });
  });
  const life = new AbortController().signal;
  const paths = Array.from({ length: 2_000 }, (_, i) => (i % 2 === 0 ? "/things" : "/missing"));
  const results = await Promise.allSettled(paths.map((path) => rig.transport.json({ ...call, path }, life)));
  expect(results.filter(({ status: outcome }) => outcome === "fulfilled")).toHaveLength(1_000);
  expect(rig.server.requests).toHaveLength(2_000);
  expect(rig.server.connections).toBeLessThanOrEqual(8);
  expect(getEventListeners(life, "abort")).toHaveLength(0);
});

test("an urgent call does not wait behind others", async () => {
  await using rig = await startApiRig(
    ({ path }, response) => {
      if (path === "/urgent") answer(response, 200, { kind: "Thing" });
    },
    { connection: { connections: 1 } },
  );
  const stop = new AbortController();
  const stuck = [rig.transport.json(call, stop.signal), rig.transport.json(call, stop.signal)];
  expect(await rig.transport.json({ ...call, path: "/urgent", urgent: true }, never)).toEqual({ kind: "Thing" });
  stop.abort(new Error("enough"));
  for (const one of stuck) await expect(one).rejects.toThrow("enough");
});

test("a place is not lost when its waiter gives up", async () => {
  const places = new Places(1);
  const held = await places.take(never);
  const stop = new AbortController();
  const waiting = places.take(stop.signal);
  const next = places.take(never);
  stop.abort(new Error("gave up"));
  held[Symbol.dispose]();
  await expect(waiting).rejects.toThrow("gave up");
  (await next)[Symbol.dispose]();
  (await places.take(never))[Symbol.dispose]();
});

test("who is patient comes after all others, but not for ever", async () => {
  vi.useFakeTimers();
  const places = new Places(1);
  const order: string[] = [];
  const take = (name: string, patient: boolean) =>
    places.take(never, patient).then((place) => {
      order.push(name);
      return place;
    });
  const held = await take("first", true);
  const waiting = [take("patient", true), take("second", false), take("third", false)];
  held[Symbol.dispose]();
  (await waiting[1])?.[Symbol.dispose]();
  (await waiting[2])?.[Symbol.dispose]();
  const last = await waiting[0];
  expect(order).toEqual(["first", "second", "third", "patient"]);

  const old = take("old", true);
  await vi.advanceTimersByTimeAsync(5_000);
  const late = take("late", false);
  last?.[Symbol.dispose]();
  (await old)[Symbol.dispose]();
  await late;
  expect(order.slice(4)).toEqual(["old", "late"]);
  vi.useRealTimers();
});

test.each([
  { "impersonate-user": "" },
  { "impersonate-user": "admin" },
  { "impersonate-user": "system:serviceaccount:shop:" },
  { "Impersonate-User": "system:serviceaccount:shop:deployer" },
  { "impersonate-user": ["system:serviceaccount:shop:deployer", ""] },
  { "impersonate-group": "system:masters" },
])("A14: no call leaves that would be made as somebody else than a service account: %j", async (headers) => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, { kind: "Thing" }));
  await expect(rig.transport.json({ ...call, headers }, never)).rejects.toThrow("it would be made as nobody");
  expect(rig.server.requests).toHaveLength(0);
});
