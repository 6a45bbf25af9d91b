import { expect, test } from "vitest";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { FAREWELL_LIMIT_MS, type Farewell, farewellOf, isOurs, parting, unmarked } from "./farewell.ts";
import type { Failure } from "./outcome.ts";
import { ownerMark } from "./owner.ts";
import type { Kept } from "./prune.ts";

const SYNC = { namespace: "shop", name: "app" };
const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "a" };
const failed = (reason: Failure["reason"]): Failure => ({ ref, reason, message: `was not deleted: ${reason}` });
const kept = (why: Kept["why"]): Kept => ({ id: "a", why, message: `ConfigMap shop/a is ${why}` });

const spec = (more: object) =>
  parseGitSync({
    apiVersion: "fairlead.dev/v1alpha1",
    kind: "GitSync",
    metadata: { name: "app" },
    spec: { url: "https://git.example.com/a.git", ...more },
  }).spec;

test.each<[object, Farewell]>([
  [{}, "Prune"],
  [{ prune: false }, "Orphan"],
  [{ prune: false, deletionPolicy: "Prune" }, "Prune"],
  [{ deletionPolicy: "Orphan" }, "Orphan"],
  [{ deletionPolicy: "Wait" }, "Wait"],
  [{ deletionPolicy: "Wait", suspend: true }, "Leave"],
])("a deleted sync with %j: %s", (more, farewell) => {
  expect(farewellOf(spec(more))).toBe(farewell);
});

const part = (policy: Farewell, failures: readonly Failure[], keep: readonly Kept[], elapsedMs = 0) =>
  parting({ policy, failures, keep, elapsedMs });

test("a sync whose objects are gone, or another's, goes at once", () => {
  expect(part("Wait", [], [kept("Claimed")])).toEqual({ kind: "Go" });
  expect(part("Prune", [], [kept("Terminating")])).toEqual({ kind: "Go" });
});

test.each<[string, Farewell, readonly Failure[], readonly Kept[], string]>([
  ["an object that is being deleted, if it says Wait", "Wait", [], [kept("Terminating")], "ConfigMap shop/a is Term"],
  ["an object that cannot be read", "Prune", [], [kept("Unreadable")], "ConfigMap shop/a is Unreadable"],
  ["a refused deletion", "Prune", [failed("PruneFailed")], [], "ConfigMap shop/a was not deleted"],
  ["marks that could not be taken off", "Orphan", [failed("PruneFailed")], [], "ConfigMap shop/a was not deleted"],
])("stays for %s, but no longer than the limit", (_, policy, failures, keep, text) => {
  const stay = part(policy, failures, keep, FAREWELL_LIMIT_MS - 1);
  expect(stay).toMatchObject({ kind: "Stay", message: expect.stringContaining(text) });
  const go = part(policy, failures, keep, FAREWELL_LIMIT_MS);
  expect(go).toMatchObject({ kind: "Go", message: expect.stringMatching(`^left behind: ${text}`) });
});

test("a right that the account lacks is not waited for, and what stays is named", () => {
  expect(part("Wait", [failed("Forbidden")], [])).toEqual({
    kind: "Go",
    message: "left behind: ConfigMap shop/a was not deleted: Forbidden",
  });
});

test("marks are taken off the very object only, as it was seen", () => {
  const marked = (mark: string, uid = "u") => ({
    ...ref,
    metadata: { name: "a", namespace: "shop", uid, resourceVersion: "7", annotations: { "fairlead.dev/owner": mark } },
  });
  const ours = marked(ownerMark(SYNC, ref));
  expect(isOurs({ id: "a", apiVersion: "v1", uid: "u" }, ours, SYNC)).toBe(true);
  expect(isOurs({ id: "a", apiVersion: "v1" }, ours, SYNC)).toBe(true);
  expect(isOurs({ id: "a", apiVersion: "v1", uid: "former" }, ours, SYNC)).toBe(false);
  expect(isOurs({ id: "a", apiVersion: "v1" }, marked(ownerMark({ ...SYNC, name: "b" }, ref)), SYNC)).toBe(false);
  expect(unmarked(ours)).toEqual({
    metadata: {
      resourceVersion: "7",
      labels: { "fairlead.dev/managed": null },
      annotations: { "fairlead.dev/owner": null },
    },
  });
});
