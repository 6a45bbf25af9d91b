import { describe, expect, test } from "vitest";
import type { JsonObject } from "../api/json.ts";
import { identity, type Manifest, type ObjectRef } from "../api/objects.ts";
import { ApiError } from "../ports/cluster.ts";
import { silentLogger } from "../telemetry/logger.ts";
import type { Hook } from "./http/signature.ts";
import { StandbyHooks } from "./standby.ts";

const sync = (spec: JsonObject): Manifest => ({
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "GitSync",
  metadata: { name: "web", namespace: "shop" },
  spec: { url: "https://git.example.com/web.git", ...spec },
});
const secret: Manifest = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "hook", namespace: "shop" },
  data: { token: btoa("t0ken") },
};

function rig(...objects: readonly Manifest[]) {
  const patches: { ref: ObjectRef; patch: JsonObject }[] = [];
  const cluster = {
    get: async (ref: ObjectRef) =>
      objects.find(
        (object) =>
          identity({ ...object.metadata, apiVersion: object.apiVersion, kind: object.kind }) === identity(ref),
      ),
    patch: async (ref: ObjectRef, patch: JsonObject): Promise<Manifest> => {
      patches.push({ ref, patch });
      if (objects.length === 0) throw new ApiError("NotFound", "gone");
      return sync({});
    },
  };
  return { hooks: new StandbyHooks(cluster, silentLogger), patches };
}

const { signal } = new AbortController();

describe("a hook on a process that does not lead", () => {
  test.each<[string, readonly Manifest[], Hook | undefined]>([
    [
      "is checked against the Secret of its sync",
      [sync({ webhook: { secretRef: { name: "hook" } } }), secret],
      { token: "t0ken", provider: "Generic", repository: "https://git.example.com/web.git" },
    ],
    ["has no token without a webhook in the sync", [sync({}), secret], undefined],
    ["has no token without the Secret", [sync({ webhook: { secretRef: { name: "hook" } } })], undefined],
    ["has no token without the sync", [secret], undefined],
  ])("%s", async (_name, objects, hook) => {
    expect(await rig(...objects).hooks.hook("shop/web", signal)).toEqual(hook);
  });

  test("asks the leader by the annotation, and by nothing else", () => {
    const { hooks, patches } = rig(sync({}));
    hooks.notify("shop/web");
    expect(patches).toEqual([
      {
        ref: { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync", namespace: "shop", name: "web" },
        patch: { metadata: { annotations: { "fairlead.dev/requested-at": expect.stringMatching(/^\d{4}-/) } } },
      },
    ]);
  });

  test("for a sync that is gone ends in a log line", async () => {
    const { hooks, patches } = rig();
    hooks.notify("shop/web");
    await Promise.resolve();
    expect(patches).toHaveLength(1);
  });
});
