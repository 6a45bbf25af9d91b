import { expect, test, vi } from "vitest";
import { isObject, type JsonObject, stringAt } from "../../api/json.ts";
import { type ApiRig, startApiRig } from "../../testing/apiRig.ts";
import { answer, type Received, reset, status } from "../../testing/fakeApiServer.ts";
import { LeaseElector, type LeaseOptions } from "./lease.ts";

const COLLECTION = "/apis/coordination.k8s.io/v1/namespaces/fairlead/leases";
const never = new AbortController().signal;

interface Store extends AsyncDisposable {
  readonly rig: ApiRig;
  lease: JsonObject | undefined;
  /** Set by a test: what goes wrong with a request. */
  fault: ((request: Received) => "Reset" | "Hang" | undefined) | undefined;
  writes(): number;
  elector(identity: string, options?: Partial<LeaseOptions>): LeaseElector;
}

/** A server that keeps one lease with optimistic locking. */
async function store(): Promise<Store> {
  let version = 1;
  const electors: LeaseElector[] = [];
  const rig = await startApiRig((request, response) => {
    const fault = self.fault?.(request);
    if (fault === "Hang") return;
    if (fault === "Reset") return reset(response);
    if (request.method === "GET") {
      if (self.lease !== undefined) return answer(response, 200, self.lease);
      return answer(response, 404, status(404, "NotFound", "not found", { name: "leader" }));
    }
    const sent: unknown = JSON.parse(request.body);
    if (!isObject(sent)) return answer(response, 400, status(400, "BadRequest", "no object"));
    if (request.method === "POST" && self.lease !== undefined) {
      return answer(response, 409, status(409, "AlreadyExists", "exists", { name: "leader" }));
    }
    const stale = stringAt(sent, "metadata", "resourceVersion") !== stringAt(self.lease, "metadata", "resourceVersion");
    if (request.method === "PUT" && stale) return answer(response, 409, status(409, "Conflict", "modified"));
    version += 1;
    self.lease = { ...sent, metadata: { name: "leader", namespace: "fairlead", resourceVersion: String(version) } };
    answer(response, 200, self.lease);
  });
  const self: Store = {
    rig,
    lease: undefined,
    fault: undefined,
    writes: () => rig.server.requests.filter(({ method }) => method !== "GET").length,
    elector(identity, options = {}) {
      const made = new LeaseElector(rig.transport, {
        namespace: "fairlead",
        name: "leader",
        identity,
        retryMs: 2,
        ...options,
      });
      electors.push(made);
      return made;
    },
    async [Symbol.asyncDispose]() {
      self.fault = undefined;
      await Promise.all(electors.map((elector) => elector.release(never)));
      await rig[Symbol.asyncDispose]();
    },
  };
  return self;
}

function foreign(more: JsonObject = {}): JsonObject {
  const spec = {
    holderIdentity: "other",
    leaseDurationSeconds: 15,
    renewTime: "2000-01-01T00:00:00.000000Z",
    leaseTransitions: 3,
  };
  return { kind: "Lease", metadata: { name: "leader", resourceVersion: "1" }, spec: { ...spec, ...more } };
}

test("creates the lease, leads and renews", async () => {
  await using server = await store();
  const elector = server.elector("me");
  expect(elector.holds()).toBe(false);
  await elector.untilElected(never);
  expect(elector.holds()).toBe(true);
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "me", leaseDurationSeconds: 15, leaseTransitions: 0 } });
  expect(stringAt(server.lease, "spec", "renewTime")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const acquired = stringAt(server.lease, "spec", "acquireTime");
  await vi.waitFor(() => expect(server.writes()).toBeGreaterThan(3), { interval: 2 });
  expect(stringAt(server.lease, "spec", "acquireTime")).toBe(acquired);
  // A renewal is one request.
  expect(server.rig.server.requests.filter(({ method }) => method === "GET")).toHaveLength(1);
  expect(elector.lost.aborted).toBe(false);
});

test("waits while another renews, by its own clock, whatever the other's clock says", async () => {
  await using server = await store();
  let now = 0;
  const clock = { now: () => Date.now(), monotonic: () => now };
  server.lease = foreign();
  const elector = server.elector("me", { clock });
  const elected = elector.untilElected(never);
  const looks = (): number => server.rig.server.requests.length;
  await vi.waitFor(() => expect(looks()).toBeGreaterThan(2), { interval: 2 });
  now = 14_000;
  server.lease = foreign({ renewTime: "2000-01-01T00:00:02.000000Z" });
  const seen = looks();
  await vi.waitFor(() => expect(looks()).toBeGreaterThan(seen + 2), { interval: 2 });
  now = 28_000;
  const again = looks();
  await vi.waitFor(() => expect(looks()).toBeGreaterThan(again + 2), { interval: 2 });
  expect(server.writes()).toBe(0);
  now = 30_000;
  await elected;
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "me", leaseTransitions: 4 } });
});

test("takes a released lease at once", async () => {
  await using server = await store();
  server.lease = foreign({ holderIdentity: "" });
  await server.elector("me").untilElected(never);
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "me" } });
});

test("of two that try at once, one leads", async () => {
  await using server = await store();
  server.lease = foreign({ holderIdentity: "" });
  const electors = [server.elector("a"), server.elector("b")];
  const stop = new AbortController();
  const outcomes = electors.map((elector) => elector.untilElected(stop.signal));
  await Promise.any(outcomes);
  await vi.waitFor(() => expect(server.writes()).toBeGreaterThan(5), { interval: 2 });
  expect(electors.filter((elector) => elector.holds())).toHaveLength(1);
  stop.abort(new Error("enough"));
  await Promise.allSettled(outcomes);
});

test("survives a failed renewal", async () => {
  await using server = await store();
  const elector = server.elector("me");
  await elector.untilElected(never);
  let faults = 0;
  server.fault = () => (faults++ < 3 ? "Reset" : undefined);
  const before = server.writes();
  await vi.waitFor(() => expect(server.writes()).toBeGreaterThan(before + 5), { interval: 2 });
  expect(elector.holds()).toBe(true);
});

test("does not hold the lease any more once the deadline has passed, before anything tells it so", async () => {
  await using server = await store();
  let now = 0;
  const elector = server.elector("me", { retryMs: 60_000, clock: { now: () => Date.now(), monotonic: () => now } });
  await elector.untilElected(never);
  now = 9_999;
  expect(elector.holds()).toBe(true);
  now = 10_000;
  expect(elector.holds()).toBe(false);
});

test("a renewal counts from when it was sent, not from when it was answered", async () => {
  await using server = await store();
  let now = 0;
  server.fault = ({ method }) => {
    if (method === "POST") now = 6_000;
    return undefined;
  };
  const elector = server.elector("me", { retryMs: 60_000, clock: { now: () => Date.now(), monotonic: () => now } });
  await elector.untilElected(never);
  now = 10_000;
  expect(elector.holds()).toBe(false);
});

test("is lost at the deadline, while the last renewal still hangs", async () => {
  await using server = await store();
  const elector = server.elector("me", { durationMs: 400, renewDeadlineMs: 120, retryMs: 80 });
  await elector.untilElected(never);
  server.fault = () => "Hang";
  let ended: number | undefined;
  elector.lost.addEventListener("abort", () => {
    ended = server.rig.records.filter(({ verb }) => verb === "update").length;
  });
  await vi.waitFor(() => expect(elector.lost.aborted).toBe(true), { interval: 2 });
  expect(ended).toBe(0);
  expect(String(elector.lost.reason)).toContain("could not be renewed in time");
  expect(elector.holds()).toBe(false);
});

test("is lost when renewals are refused for too long", async () => {
  await using server = await store();
  const elector = server.elector("me", { durationMs: 200, renewDeadlineMs: 60 });
  await elector.untilElected(never);
  server.fault = () => "Reset";
  await vi.waitFor(() => expect(elector.lost.aborted).toBe(true), { interval: 2 });
});

test("is lost at once when another holds it", async () => {
  await using server = await store();
  const elector = server.elector("me");
  await elector.untilElected(never);
  server.lease = foreign();
  await vi.waitFor(() => expect(elector.lost.aborted).toBe(true), { interval: 2 });
  expect(String(elector.lost.reason)).toContain("another process holds it");
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "other" } });
});

test("a release lets the next one in without a wait", async () => {
  await using server = await store();
  const elector = server.elector("me");
  await elector.untilElected(never);
  await elector.release(never);
  expect(elector.holds()).toBe(false);
  expect(elector.lost.aborted).toBe(false);
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "", leaseDurationSeconds: 1 } });
  await server.elector("next").untilElected(never);
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "next", leaseTransitions: 1 } });
});

test("a release wins over the renewal that it cut off", async () => {
  await using server = await store();
  const elector = server.elector("me", { retryMs: 60_000 });
  await elector.untilElected(never);
  const version = stringAt(server.lease, "metadata", "resourceVersion");
  server.lease = { ...server.lease, metadata: { name: "leader", resourceVersion: `${version}0` } };
  await elector.release(never);
  expect(server.lease).toMatchObject({ spec: { holderIdentity: "" } });
});

test("a candidate that is told to stop stops, and releases nothing", async () => {
  await using server = await store();
  server.lease = foreign();
  const stop = new AbortController();
  const elector = server.elector("me", { retryMs: 60_000 });
  const elected = elector.untilElected(stop.signal);
  await vi.waitFor(() => expect(server.rig.server.requests.length).toBe(1), { interval: 2 });
  stop.abort(new Error("shutting down"));
  await expect(elected).rejects.toThrow("shutting down");
  await elector.release(never);
  expect(server.writes()).toBe(0);
});

test("a lease that ends before its deadline is refused", async () => {
  await using server = await store();
  expect(() => server.elector("me", { durationMs: 10, renewDeadlineMs: 10 })).toThrow("must last longer");
});

test("leases live in coordination.k8s.io/v1 and are written whole", async () => {
  await using server = await store();
  await server.elector("me").untilElected(never);
  await vi.waitFor(() => expect(server.writes()).toBeGreaterThan(1), { interval: 2 });
  const [first, second] = server.rig.server.requests.filter(({ method }) => method !== "GET");
  expect([first?.method, first?.path]).toEqual(["POST", COLLECTION]);
  expect([second?.method, second?.path]).toEqual(["PUT", `${COLLECTION}/leader`]);
});
