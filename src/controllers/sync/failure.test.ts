import { expect, test } from "vitest";
import type { Member } from "../../core/sync/desiredSet.ts";
import { ApiError, type ApiErrorKind } from "../../ports/cluster.ts";
import { failureOf } from "./failure.ts";

const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "a" };
const member: Member = {
  id: "/ConfigMap/shop/a",
  ref,
  object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" } },
  position: { file: "a.yaml", line: 1, column: 1 },
  served: "Yes",
  aliases: [],
};
const refused = (kind: ApiErrorKind, text: string) =>
  failureOf(member, new ApiError(kind, `cannot apply ConfigMap shop/a: ${text}`));

test.each([
  ["Forbidden", 'configmaps "a" is forbidden: User "x" cannot patch resource "configmaps"', "Forbidden"],
  [
    "Forbidden",
    'roles "a" is forbidden: user "x" is attempting to grant RBAC permissions not currently held',
    "Forbidden",
  ],
  ["Forbidden", 'pods "a" is forbidden: violates PodSecurity "restricted:latest"', "ApplyFailed"],
  ["Forbidden", 'pods "a" is forbidden: exceeded quota: few', "ApplyFailed"],
  ["Forbidden", 'admission webhook "policy.example.com" denied the request: no', "ApplyFailed"],
  ["Forbidden", "unable to create new content in namespace shop because it is being terminated", "ReconcileFailed"],
  ["Invalid", "data: Invalid value", "ApplyFailed"],
  ["NotFound", 'namespaces "shop" not found', "ApplyFailed"],
  ["UnknownKind", "the server could not find the requested resource", "UnknownKind"],
  ["Unavailable", "the API server cannot be reached (ECONNRESET)", "ReconcileFailed"],
  ["Throttled", "too many requests", "ReconcileFailed"],
  ["Unauthorized", "Unauthorized", "ReconcileFailed"],
] as const)("%s with the text %s is told as %s", (kind, text, reason) => {
  expect(refused(kind, text)).toEqual({ ref, position: member.position, reason, message: `was refused: ${text}` });
});

test("an error that is none of the API server's is the object's alone", () => {
  const { reason, message } = failureOf(member, new TypeError("x is not iterable"));
  expect([reason, message]).toEqual(["ReconcileFailed", "could not be worked on: x is not iterable"]);
});
