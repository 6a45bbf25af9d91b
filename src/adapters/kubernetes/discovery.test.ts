import { expect, test } from "vitest";
import { startApiRig } from "../../testing/apiRig.ts";
import { answer, status } from "../../testing/fakeApiServer.ts";

const never = new AbortController().signal;

test("a group and version is asked for once, and subresources are no kinds", async () => {
  await using rig = await startApiRig(() => undefined);
  expect(await rig.discovery.kind("v1", "Namespace", never)).toEqual({ resource: "namespaces", namespaced: false });
  expect(await rig.discovery.kind("v1", "ConfigMap", never)).toEqual({ resource: "configmaps", namespaced: true });
  expect(await rig.discovery.kind("apps/v1", "Scale", never)).toBeUndefined();
  expect(rig.server.requests.map(({ path }) => path)).toEqual(["/api/v1", "/apis/apps/v1"]);
  rig.discovery.invalidate();
  await rig.discovery.kind("v1", "Namespace", never);
  expect(rig.server.requests).toHaveLength(3);
});

test("an unknown kind is asked for again, but not at once", async () => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth === 1) answer(response, 404, "404 page not found");
    else answer(response, 200, { resources: [{ name: "widgets", kind: "Widget", namespaced: true }] });
  });
  const ask = (): Promise<unknown> => rig.discovery.kind("example.com/v1", "Widget", never);
  expect(await ask()).toBeUndefined();
  expect(await ask()).toBeUndefined();
  expect(rig.server.requests).toHaveLength(1);
  await expect.poll(ask, { interval: 5 }).toEqual({ resource: "widgets", namespaced: true });
});

test("many that need an answer at a time share one, and another asks when the first gives up", async () => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth > 1) answer(response, 200, { resources: [{ name: "widgets", kind: "Widget", namespaced: true }] });
  });
  const hasty = new AbortController();
  const first = rig.discovery.kind("example.com/v1", "Widget", hasty.signal);
  const others = Array.from({ length: 50 }, () => rig.discovery.kind("example.com/v1", "Widget", never));
  await expect.poll(() => rig.server.requests.length, { interval: 2 }).toBe(1);
  hasty.abort(new Error("gave up"));
  await expect(first).rejects.toThrow("gave up");
  expect(new Set((await Promise.all(others)).map((info) => info?.resource))).toEqual(new Set(["widgets"]));
  expect(rig.server.requests).toHaveLength(2);
});

test("a server that fails is an error, not an unknown kind", async () => {
  await using rig = await startApiRig((_request, response) =>
    answer(response, 500, status(500, "InternalError", "no")),
  );
  await expect(rig.discovery.kind("example.com/v1", "Widget", never)).rejects.toMatchObject({ kind: "Unavailable" });
});
