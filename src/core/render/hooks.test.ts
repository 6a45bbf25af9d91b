import { expect, test } from "vitest";
import { judgeHook } from "./hooks.ts";

test.each([
  [undefined, "Ordinary"],
  ["", "Ordinary"],
  ["crd-install", "Ordinary"],
  ["test", "LeftOut"],
  ["test-success, test-failure", "LeftOut"],
  ["pre-delete,post-rollback", "LeftOut"],
  ["pre-install", "Refused"],
  ["test,post-upgrade", "Refused"],
])("a hook %j is %s", (hook, kind) => {
  const annotations: Record<string, string> = hook === undefined ? {} : { "helm.sh/hook": hook };
  expect(judgeHook({ apiVersion: "v1", kind: "Pod", metadata: { name: "a", annotations } }).kind).toBe(kind);
});
