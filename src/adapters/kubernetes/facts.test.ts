import { expect, test } from "vitest";
import { startApiRig } from "../../testing/apiRig.ts";
import { answer } from "../../testing/fakeApiServer.ts";

const { signal } = new AbortController();

test("tells the version, and every group, version and kind, of servers old and new; asks anew only after a while", async () => {
  const versions = [{ version: "v1", resources: [{ resource: "pods", responseKind: { kind: "Pod" } }] }];
  const aggregated = { kind: "APIGroupDiscoveryList", items: [{ metadata: { name: "" }, versions }] };
  const plain = { kind: "APIGroupList", groups: [{ name: "apps", versions: [{ groupVersion: "apps/v1" }] }] };
  await using rig = await startApiRig(({ path }, response) => {
    if (path === "/version") answer(response, 200, { gitVersion: "v1.35.4" });
    else answer(response, 200, path === "/api" ? aggregated : plain);
  });
  const facts = { kubeVersion: "v1.35.4", apiVersions: ["apps/v1", "v1", "v1/Pod"] };
  expect(await rig.discovery.facts(signal)).toEqual(facts);
  expect(await rig.discovery.facts(signal)).toEqual(facts);
  expect(rig.server.requests.map(({ path }) => path).sort()).toEqual(["/api", "/apis", "/version"]);
  rig.discovery.invalidate();
  await rig.discovery.facts(signal);
  expect(rig.server.requests).toHaveLength(6);
});
