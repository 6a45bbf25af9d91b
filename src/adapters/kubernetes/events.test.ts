import { expect, test } from "vitest";
import { isObject, type JsonObject, numberAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { type ApiRig, startApiRig } from "../../testing/apiRig.ts";
import { answer, type Received, status } from "../../testing/fakeApiServer.ts";
import { type EventsOptions, KubernetesEvents } from "./events.ts";

const never = new AbortController().signal;
const web: Manifest = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", uid: "u", resourceVersion: "7" },
};
const note = { type: "Normal", reason: "Advanced", message: "step 1 passed" } as const;

function body(request: Received | undefined): JsonObject {
  const parsed: unknown = JSON.parse(request?.body ?? "{}");
  return isObject(parsed) ? parsed : {};
}

interface Scene extends AsyncDisposable {
  readonly rig: ApiRig;
  readonly events: KubernetesEvents;
  readonly drops: readonly string[];
}

async function scene(
  handler: Parameters<typeof startApiRig>[0] | undefined,
  options: Partial<EventsOptions> = {},
): Promise<Scene> {
  const rig = await startApiRig(handler ?? ((_request, response) => answer(response, 200, { kind: "Event" })));
  const drops: string[] = [];
  const events = new KubernetesEvents(rig.transport, {
    instance: "pod-1",
    onDrop: (why) => drops.push(why),
    ...options,
  });
  return { rig, events, drops, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

test("an event is about the object, from one reporter", async () => {
  await using at = await scene(undefined);
  at.events.note(web, note);
  await at.events.flush(never);
  const [request] = at.rig.server.requests;
  expect([request?.method, request?.path]).toEqual(["POST", "/api/v1/namespaces/shop/events"]);
  expect(body(request)).toMatchObject({
    involvedObject: { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web", uid: "u" },
    type: "Normal",
    reason: "Advanced",
    message: "step 1 passed",
    count: 1,
    reportingComponent: "fairlead.dev/operator",
    reportingInstance: "pod-1",
  });
});

test("an event about a cluster-scoped object is in the namespace default", async () => {
  await using at = await scene(undefined);
  at.events.note({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }, note);
  await at.events.flush(never);
  expect(at.rig.server.requests[0]?.path).toBe("/api/v1/namespaces/default/events");
});

test("repeats are folded into a count", async () => {
  await using at = await scene(undefined);
  at.events.note(web, note);
  at.events.note(web, note);
  await at.events.flush(never);
  at.events.note(web, note);
  at.events.note(web, { ...note, message: "step 2 passed" });
  await at.events.flush(never);
  const sent = at.rig.server.requests.map((request) => [request.method, numberAt(body(request), "count")]);
  expect(sent).toEqual([
    ["POST", 2],
    ["PATCH", 3],
    ["POST", 1],
  ]);
  const name = stringAt(body(at.rig.server.requests[0]), "metadata", "name");
  expect(at.rig.server.requests[1]?.path).toBe(`/api/v1/namespaces/shop/events/${name}`);
});

test("a repeat of an event that has expired is made anew", async () => {
  await using at = await scene((request, response) => {
    if (request.method === "PATCH") answer(response, 404, status(404, "NotFound", "not found", { name: "x" }));
    else answer(response, 201, { kind: "Event" });
  });
  at.events.note(web, note);
  await at.events.flush(never);
  at.events.note(web, note);
  await at.events.flush(never);
  expect(at.rig.server.requests.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST"]);
});

test("one object may burst, then only one note in five minutes; others are not held up", async () => {
  let now = 0;
  await using at = await scene(undefined, { clock: { now: () => 0, monotonic: () => now } });
  const story = (i: number): void => at.events.note(web, { ...note, message: `step ${i}` });
  for (let i = 0; i < 30; i++) story(i);
  at.events.note({ ...web, metadata: { ...web.metadata, uid: "other" } }, note);
  await at.events.flush(never);
  expect(at.rig.server.requests).toHaveLength(26);
  expect(at.drops).toEqual(Array.from({ length: 5 }, () => "Throttled"));
  now = 299_000;
  story(31);
  now = 300_001;
  story(32);
  await at.events.flush(never);
  expect(at.rig.server.requests).toHaveLength(27);
});

test("the queue is bounded", async () => {
  await using at = await scene(undefined, { queueSize: 3 });
  for (let i = 0; i < 10; i++) at.events.note(web, { ...note, message: `step ${i}` });
  await at.events.flush(never);
  expect(at.rig.server.requests).toHaveLength(3);
  expect(at.drops).toHaveLength(7);
});

test("what is remembered is bounded", async () => {
  await using at = await scene(undefined, { memory: 1 });
  at.events.note(web, note);
  at.events.note(web, { ...note, message: "step 2" });
  at.events.note(web, note);
  await at.events.flush(never);
  expect(at.rig.server.requests.map(({ method }) => method)).toEqual(["POST", "POST", "POST"]);
});

test("a failure is never the caller's", async () => {
  await using at = await scene((_request, response) => answer(response, 403, status(403, "Forbidden", "no")));
  at.events.note(web, note);
  await at.events.flush(never);
  expect(at.drops).toEqual(["Failed"]);
});

test("a flush gives up when its signal aborts", async () => {
  await using at = await scene(() => undefined);
  at.events.note(web, note);
  at.events.note(web, { ...note, message: "step 2" });
  await at.events.flush(AbortSignal.timeout(20));
  expect(at.rig.server.requests.length).toBeLessThanOrEqual(1);
});

test("a message is cut at 1024 characters, not inside one", async () => {
  await using at = await scene(undefined);
  at.events.note(web, { ...note, message: "x".repeat(1024) });
  at.events.note(web, { ...note, message: `${"x".repeat(1022)}🚀🚀` });
  await at.events.flush(never);
  const messages = at.rig.server.requests.map((request) => stringAt(body(request), "message") ?? "");
  expect(messages.map(({ length }) => length)).toEqual([1024, 1024]);
  expect(messages.every((message) => message.isWellFormed())).toBe(true);
});

test("the name of an event is valid however long the object's is", async () => {
  await using at = await scene(undefined);
  at.events.note({ ...web, metadata: { ...web.metadata, name: `${"a".repeat(229)}.${"b".repeat(20)}` } }, note);
  await at.events.flush(never);
  expect(stringAt(body(at.rig.server.requests[0]), "metadata", "name")).toMatch(/^a{229}\.[0-9a-f]{16}$/);
});
