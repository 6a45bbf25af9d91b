import { expect, test } from "vitest";
import { identity, type Manifest, type ObjectRef } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { entryFor } from "../../core/sync/inventory.ts";
import { ownerMark } from "../../core/sync/owner.ts";
import { ApiError, type Census, type Cluster, type RemoveOptions } from "../../ports/cluster.ts";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";
import { ManagedObjects } from "./kinds.ts";
import { prune } from "./prune.ts";

const SYNC = { namespace: "team", name: "shop" };
const never = new AbortController().signal;
const map = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name });
const live = (ref: ObjectRef, metadata: Partial<Manifest["metadata"]> = {}, sync = SYNC): Manifest => ({
  apiVersion: ref.apiVersion,
  kind: ref.kind,
  metadata: {
    name: ref.name,
    namespace: "shop",
    uid: `uid-${ref.name}`,
    resourceVersion: "7",
    annotations: { [Mark.owner]: ownerMark(sync, ref) },
    ...metadata,
  },
});

/** ConfigMap `old` is to go and `rest` stays; `watched` is what the watch holds, `stored` what the API server has. */
function scene(options: { watched?: Manifest; stored?: Manifest; removed?: Manifest; confirmed?: boolean }) {
  const calls: string[] = [];
  const cluster: Cluster & Census = {
    async get(ref) {
      calls.push(`get ${ref.name}`);
      return options.stored;
    },
    async remove(ref, { resourceVersion }: RemoveOptions) {
      calls.push(`delete ${ref.name}@${resourceVersion}`);
      if (resourceVersion !== options.stored?.metadata.resourceVersion)
        throw new ApiError("Conflict", "it has moved on");
      return options.removed ?? "Deleted";
    },
    apply: () => Promise.reject(new Error("nothing is applied")),
    patch: () => Promise.reject(new Error("nothing is patched")),
    count: () => Promise.reject(new Error("nothing is counted")),
  };
  const watcher: Watcher = {
    watch: (query): ObjectCache => ({
      query,
      synced: true,
      get: () => options.watched,
      list: () => [],
      put: () => undefined,
    }),
    untilSynced: async () => undefined,
  };
  const managed = new ManagedObjects(watcher, () => undefined, never);
  if (options.watched !== undefined) managed.open("v1", "ConfigMap");
  const inventory = [entryFor(map("old"), "uid-old"), entryFor(map("rest"), "uid-rest")];
  const rest = {
    id: identity(map("rest")),
    ref: map("rest"),
    object: live(map("rest")),
    served: "Yes" as const,
    aliases: [],
  };
  const request = {
    sync: SYNC,
    members: [{ ...rest, position: { file: "rest.yaml", line: 1, column: 1 } }],
    identity: {},
    inventory,
    operatorNamespace: "fairlead",
    healthy: true,
    rolloutsAtRest: true,
    confirmed: options.confirmed ?? false,
    enabled: true,
    counts: new Map(),
  };
  return { calls, run: () => prune(request, { cluster, managed }, never) };
}

const old = map("old");
const ids = (result: { readonly inventory: readonly { readonly id: string }[] }) =>
  result.inventory.map(({ id }) => id);

test("what the watch holds is deleted without being read", async () => {
  const { calls, run } = scene({ watched: live(old), stored: live(old) });
  const result = await run();
  expect(calls).toEqual(["delete old@7"]);
  expect(ids(result)).toEqual([identity(map("rest"))]);
});

test("an object that has moved on since the watch told of it is looked at and judged again", async () => {
  const { calls, run } = scene({ watched: live(old), stored: live(old, { resourceVersion: "8" }) });
  expect((await run()).deleted).toEqual([identity(old)]);
  expect(calls).toEqual(["delete old@7", "get old", "delete old@8"]);
});

test.each([
  ["has another owner now", live(old, { resourceVersion: "8" }, { namespace: "team", name: "other" })],
  ["was replaced", live(old, { resourceVersion: "8", uid: "another" })],
  ["says that it is kept", live(old, { resourceVersion: "8", annotations: { [Mark.prune]: "disabled" } })],
])("an object is left alone that %s, although the watch has not told of it", async (_, stored) => {
  const { calls, run } = scene({ watched: live(old), stored });
  const result = await run();
  expect(calls).toEqual(["delete old@7", "get old"]);
  expect([result.deleted, result.failures]).toEqual([[], []]);
});

test("E15: an object that stays for its finalizers stays in the inventory, and they are named", async () => {
  const removed = live(old, { deletionTimestamp: "t", finalizers: ["example.com/keep"] });
  const result = await scene({ watched: live(old), stored: live(old), removed }).run();
  expect(ids(result)).toContain(identity(old));
  expect(result.deleted).toEqual([]);
  const message = "ConfigMap shop/old is being deleted; it waits for example.com/keep";
  expect(result.decision).toMatchObject({ kind: "Prune", keep: [{ why: "Terminating", message }] });
});

test("what the watch does not hold is gone only when the API server says so", async () => {
  const { calls, run } = scene({});
  expect(ids(await run())).toEqual([identity(map("rest"))]);
  expect(calls).toEqual(["get old"]);
});
