import { expect, test } from "vitest";
import type { Census, Cluster } from "../../ports/cluster.ts";
import { object } from "../../testing/liveObject.ts";
import { impersonatedOnly } from "./impersonated.ts";

const signal = new AbortController().signal;
const account = { namespace: "n", name: "deployer" };
const one = object("v1", "ConfigMap");
const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "n", name: "x" };
const sync = { ...ref, apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync" };

function watched() {
  const calls: string[] = [];
  const note = async (verb: string) => {
    calls.push(verb);
    return one;
  };
  const cluster: Cluster & Census = {
    get: () => note("get"),
    count: async () => 0,
    apply: () => note("apply"),
    patch: () => note("patch"),
    remove: async () => {
      calls.push("remove");
      return "Deleted";
    },
  };
  return { calls, cluster: impersonatedOnly(cluster) };
}

test("A14: where an account is required, nothing is written without one", async () => {
  const { calls, cluster } = watched();
  await expect(cluster.apply(one, {}, signal)).rejects.toMatchObject({ kind: "Forbidden" });
  await expect(cluster.patch(ref, {}, {}, signal)).rejects.toMatchObject({ kind: "Forbidden" });
  await expect(cluster.remove(ref, { uid: "u" }, signal)).rejects.toMatchObject({ kind: "Forbidden" });
  expect(calls).toEqual([]);
});

test("an account writes, and the operator keeps the sync's own status", async () => {
  const { calls, cluster } = watched();
  await cluster.apply(one, { account }, signal);
  await cluster.patch(ref, {}, { account }, signal);
  await cluster.remove(ref, { uid: "u", account }, signal);
  await cluster.patch(sync, {}, { subresource: "status" }, signal);
  expect(calls).toEqual(["apply", "patch", "remove", "patch"]);
});
