import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { isApiError } from "../../ports/cluster.ts";
import { startApiRig } from "../../testing/apiRig.ts";
import { answer, type Received, reset, status } from "../../testing/fakeApiServer.ts";

const never = new AbortController().signal;
const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
const web: Manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" } };
const PATH = "/apis/apps/v1/namespaces/shop/deployments/web";

function last(requests: readonly Received[]): Received {
  const request = requests.at(-1);
  if (request === undefined) throw new Error("no request");
  return request;
}

test("an apply is server-side, forced, by one field manager, and keeps every field and digit", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  const object: Manifest = {
    ...web,
    metadata: {
      ...web.metadata,
      uid: "u",
      resourceVersion: "7",
      creationTimestamp: "x",
      managedFields: [],
      futureMeta: 1,
    },
    spec: { futureField: 9007199254740993n, nested: [{ deep: true }] },
    status: { replicas: 3 },
  };
  expect(await rig.client.apply(object, {}, never)).toEqual(web);
  const request = last(rig.server.requests);
  expect([request.method, request.path, request.query.toString()]).toEqual([
    "PATCH",
    PATH,
    "fieldManager=fairlead&force=true",
  ]);
  expect(request.headers["content-type"]).toBe("application/apply-patch+yaml");
  expect(request.body).toBe(
    '{"apiVersion":"apps/v1","kind":"Deployment","spec":{"futureField":9007199254740993,"nested":[{"deep":true}]},' +
      '"metadata":{"name":"web","namespace":"shop","futureMeta":1}}',
  );
});

test("a dry run and a condition are sent when they are asked for", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  await rig.client.apply(web, { dryRun: true, resourceVersion: "42" }, never);
  const request = last(rig.server.requests);
  expect(request.query.get("dryRun")).toBe("All");
  expect(JSON.parse(request.body)).toMatchObject({ metadata: { resourceVersion: "42" } });
});

test("a merge patch goes to the object or its subresource", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  await rig.client.patch(ref, { status: { phase: null } }, { subresource: "status" }, never);
  const request = last(rig.server.requests);
  expect([request.method, request.path, request.query.get("fieldManager")]).toEqual([
    "PATCH",
    `${PATH}/status`,
    "fairlead",
  ]);
  expect([request.headers["content-type"], request.body]).toEqual([
    "application/merge-patch+json",
    '{"status":{"phase":null}}',
  ]);
});

test("a service account is impersonated by its name alone, which needs no right to impersonate groups", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  await rig.client.apply(web, { account: { namespace: "shop", name: "deployer" } }, never);
  const raw = last(rig.server.requests).rawHeaders;
  const sent = raw.flatMap((name, i) =>
    i % 2 === 0 && name.startsWith("impersonate") ? [`${name}: ${raw[i + 1]}`] : [],
  );
  expect(sent).toEqual(["impersonate-user: system:serviceaccount:shop:deployer"]);
});

test.each([
  { namespace: "shop", name: "" },
  { namespace: "", name: "deployer" },
  { namespace: "shop", name: "a:b" },
  { namespace: "shop", name: "a\nb" },
])("A14: an account that is none never falls back to the operator's rights: %j", async (account) => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  await expect(rig.client.apply(web, { account }, never)).rejects.toThrow("names no service account");
  await expect(rig.client.patch(ref, {}, { account }, never)).rejects.toThrow("names no service account");
  await expect(rig.client.remove(ref, { uid: "u", account }, never)).rejects.toThrow("names no service account");
  expect(rig.server.requests.filter(({ method }) => method !== "GET")).toEqual([]);
});

test("no write is sent by a process that does not lead, reads are", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  rig.leads = false;
  const fenced = { kind: "Fenced" };
  await expect(rig.client.apply(web, {}, never)).rejects.toMatchObject(fenced);
  await expect(rig.client.patch(ref, {}, {}, never)).rejects.toMatchObject(fenced);
  await expect(rig.client.remove(ref, { uid: "u" }, never)).rejects.toMatchObject(fenced);
  await expect(rig.client.create(web, never)).rejects.toMatchObject(fenced);
  expect(await rig.client.get(ref, never)).toEqual(web);
  expect(rig.server.requests.map(({ method }) => method)).toEqual(["GET", "GET"]);
});

test("the fence is asked again before a retry and after waiting for a connection", async () => {
  await using rig = await startApiRig((_request, response) => {
    rig.leads = false;
    reset(response);
  });
  await expect(rig.client.apply(web, {}, never)).rejects.toMatchObject({ kind: "Fenced" });
  expect(rig.server.requests.filter(({ method }) => method === "PATCH")).toHaveLength(1);
  rig.leads = true;
  const both = await Promise.allSettled(Array.from({ length: 20 }, () => rig.client.apply(web, {}, never)));
  expect(both.every((result) => result.status === "rejected" && isApiError(result.reason, "Fenced"))).toBe(true);
  expect(rig.server.requests.filter(({ method }) => method === "PATCH").length).toBeLessThanOrEqual(17);
});

test("a missing object is undefined, an unknown kind is an error", async () => {
  await using rig = await startApiRig((request, response) => {
    const details = request.path === PATH ? { name: "web" } : {};
    answer(response, 404, status(404, "NotFound", "not found", details));
  });
  expect(await rig.client.get(ref, never)).toBeUndefined();
  const unknown = { ...ref, apiVersion: "example.com/v1", kind: "Widget" };
  await expect(rig.client.get(unknown, never)).rejects.toMatchObject({ kind: "UnknownKind" });
  await expect(rig.client.get({ ...ref, kind: "Scale" }, never)).rejects.toMatchObject({ kind: "UnknownKind" });
});

test("a kind that has gone is asked for anew", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 404, "404 page not found"));
  await expect(rig.client.get(ref, never)).rejects.toMatchObject({ kind: "UnknownKind" });
  await expect(rig.client.get(ref, never)).rejects.toMatchObject({ kind: "UnknownKind" });
  expect(rig.server.requests.filter(({ path }) => path === "/apis/apps/v1")).toHaveLength(2);
});

test("a deletion insists on the very object and works in the background", async () => {
  await using rig = await startApiRig((_request, response) =>
    answer(response, 200, { kind: "Status", status: "Success" }),
  );
  expect(await rig.client.remove(ref, { uid: "u", resourceVersion: "7" }, never)).toBe("Deleted");
  expect(JSON.parse(last(rig.server.requests).body)).toEqual({
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: "Background",
    preconditions: { uid: "u", resourceVersion: "7" },
  });
});

test("a deletion that waits for finalizers answers the object that is still there", async () => {
  const leaving = { ...web, metadata: { ...web.metadata, deletionTimestamp: "t", finalizers: ["x.dev/f"] } };
  await using rig = await startApiRig((_request, response) => answer(response, 200, leaving));
  expect(await rig.client.remove(ref, { uid: "u" }, never)).toMatchObject(leaving);
});

test.each(["v", undefined])("a deletion that conflicts with an object of uid %s is Absent", async (live) => {
  await using rig = await startApiRig((request, response) => {
    if (request.method === "DELETE") answer(response, 409, status(409, "Conflict", "the UID in the precondition"));
    else if (live === undefined) answer(response, 404, status(404, "NotFound", "not found", { name: "web" }));
    else answer(response, 200, { ...web, metadata: { ...web.metadata, uid: live } });
  });
  expect(await rig.client.remove(ref, { uid: "u" }, never)).toBe("Absent");
});

test("a deletion of a newer version is a Conflict, of what is gone Absent", async () => {
  await using rig = await startApiRig((request, response) => {
    if (request.method === "GET") answer(response, 200, { ...web, metadata: { ...web.metadata, uid: "u" } });
    else if (request.nth === 1)
      answer(response, 409, status(409, "Conflict", "the ResourceVersion in the precondition"));
    else answer(response, 404, status(404, "NotFound", "not found", { name: "web" }));
  });
  const remove = () => rig.client.remove(ref, { uid: "u", resourceVersion: "7" }, never);
  await expect(remove()).rejects.toMatchObject({ kind: "Conflict" });
  expect(await remove()).toBe("Absent");
});

test("objects are counted by reading one", async () => {
  await using rig = await startApiRig((_request, response) =>
    answer(response, 200, { kind: "DeploymentList", metadata: { remainingItemCount: 41 }, items: [{}] }),
  );
  expect(await rig.client.count("apps/v1", "Deployment", never)).toBe(42);
  expect(last(rig.server.requests)).toMatchObject({ path: "/apis/apps/v1/deployments" });
  expect(last(rig.server.requests).query.get("limit")).toBe("1");
});

test("a creation is sent once: what exists already is the caller's to judge", async () => {
  await using rig = await startApiRig(({ nth }, response) => {
    if (nth === 1) answer(response, 409, status(409, "AlreadyExists", "exists", { name: "web" }));
    else reset(response);
  });
  await expect(rig.client.create(web, never)).rejects.toMatchObject({ kind: "AlreadyExists" });
  await expect(rig.client.create(web, never)).rejects.toMatchObject({ kind: "Unavailable" });
  expect(rig.server.requests.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual([
    "/apis/apps/v1/namespaces/shop/deployments",
    "/apis/apps/v1/namespaces/shop/deployments",
  ]);
});

test("neither a Secret's values nor a request body get into an error", async () => {
  const refused = 'Secret "s" is invalid: data[a]: Invalid value: "hunter2": no';
  await using rig = await startApiRig((_request, response) => answer(response, 422, status(422, "Invalid", refused)));
  const secret: Manifest = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", namespace: "shop" },
    stringData: { a: "hunter2" },
  };
  await expect(rig.client.apply(secret, {}, never)).rejects.toThrow(
    'cannot apply Secret shop/s: Secret "s" is invalid: data[a]: Invalid value: (redacted): no',
  );
});

test("each request is counted with its verb, resource and code", async () => {
  await using rig = await startApiRig((_request, response) => answer(response, 200, web));
  await rig.client.apply(web, {}, never);
  expect(rig.records).toMatchObject([
    { verb: "get", resource: "discovery", code: 200 },
    { verb: "apply", resource: "deployments", code: 200 },
  ]);
});
