import { expect, test } from "vitest";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { object } from "../../testing/liveObject.ts";
import { type Tenancy, type Writer, writerOf } from "./tenancy.ts";

const open: Tenancy = { requireServiceAccount: false, crossNamespaceRefs: false };
const account = (name: string): Writer => ({ kind: "Account", namespace: "n", name });

test.each<[string, Partial<Tenancy>, string | undefined, Writer | "Refused"]>([
  ["writes as the operator without an account", {}, undefined, { kind: "Operator" }],
  ["writes as its account", {}, "deployer", account("deployer")],
  [
    "writes as the default account",
    { defaultServiceAccount: "default-deployer" },
    undefined,
    account("default-deployer"),
  ],
  ["prefers its own account", { defaultServiceAccount: "default-deployer" }, "deployer", account("deployer")],
  ["is refused without an account where one is required", { requireServiceAccount: true }, undefined, "Refused"],
  ["writes as its account where one is required", { requireServiceAccount: true }, "deployer", account("deployer")],
  [
    "writes as the default account where one is required",
    { requireServiceAccount: true, defaultServiceAccount: "d" },
    undefined,
    account("d"),
  ],
])("A14: a sync %s", (_sentence, tenancy, serviceAccountName, writer) => {
  const spec = {
    url: "https://git.example.com/x.git",
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
  };
  const found = writerOf(parseGitSync(object("fairlead.dev/v1alpha1", "GitSync", { spec })), { ...open, ...tenancy });
  if (writer === "Refused")
    expect(found).toMatchObject({ kind: "Refused", message: expect.stringContaining("name an account") });
  else expect(found).toEqual(writer);
});
