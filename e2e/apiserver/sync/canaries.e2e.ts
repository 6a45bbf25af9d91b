import { afterAll, beforeAll, expect, it } from "vitest";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const CANARY = "c4nary-5ecret-5ong";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

it("E39: never shows what is in Secrets or in credentials", async () => {
  const encoded = Buffer.from(CANARY).toString("base64");
  const broken = [
    ["data of no base64", `data: { key: "${CANARY}!" }`],
    ["data of the wrong type", `data: { key: { inner: ${CANARY} } }`],
    ["data that is a list", `data: [${CANARY}]`],
    ["stringData that is a number", `stringData: { key: 4711, other: ${CANARY} }`],
    ["a field that is unknown", `data: { key: ${encoded} }\n${CANARY}: true`],
    ["a key that is none", `data: { "${CANARY}/x y": ${encoded} }`],
    ["an immutable type", `type: kubernetes.io/tls\ndata: { key: ${encoded} }`],
  ] as const;
  const files = Object.fromEntries(
    broken.map(([, text], index) => [
      `secret-${index}.yaml`,
      `apiVersion: v1\nkind: Secret\nmetadata: { name: secret-${index} }\n${text}\n`,
    ]),
  );
  const refused = await scene.project({ name: "refused", files: { ...files, "ok.yaml": toYaml([configMap("ok")]) } });
  console.log(await refused.untilReady("False", "ApplyFailed"));
  await scene.kube.get(refused.refTo("v1", "ConfigMap", "ok"));

  const invalid = await scene.project({
    name: "invalid",
    files: {
      "secret.yaml": `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata:\n  key: ${encoded}\n  key: [${CANARY}\n`,
    },
  });
  console.log(
    await invalid.untilReady("False", "InvalidYAML").catch(() => invalid.untilReady("False", "DuplicateKey")),
  );

  const wrong = await scene.project({ name: "wrong", files: { "ok.yaml": toYaml([configMap("ok")]) } });
  await wrong.untilApplied(await wrong.copy.head());
  const secretRef = wrong.refTo("v1", "Secret", "wrong-git");
  const put = (stringData: Record<string, string>) => scene.kube.patch(secretRef, { stringData });
  await put({ password: CANARY });
  console.log(await wrong.untilReady("False", "AuthFailed"));
  await put({ bearerToken: `${CANARY}-token` });
  await put({ "ca.crt": `-----BEGIN CERTIFICATE-----\n${encoded}\n-----END CERTIFICATE-----\n` });
  console.log(await wrong.untilReady("False", "TLSFailed").catch(String));

  const ssh = await scene.project({ name: "ssh", files: { "ok.yaml": toYaml([configMap("ok")]) }, transport: "ssh" });
  await scene.kube.patch(ssh.refTo("v1", "Secret", "ssh-git"), {
    stringData: { identity: `-----BEGIN OPENSSH PRIVATE KEY-----\n${encoded}\n-----END OPENSSH PRIVATE KEY-----\n` },
  });
  console.log(await ssh.untilReady("False", "AuthFailed"));

  const shown = {
    logs: await scene.operator.logs(),
    metrics: await scene.operator.metrics(),
    syncs: JSON.stringify(await scene.kube.list("fairlead.dev/v1alpha1", "GitSync")),
    events: JSON.stringify(await scene.kube.list("v1", "Event")),
  };
  for (const [where, text] of Object.entries(shown)) {
    for (const canary of [CANARY, encoded]) expect(text.includes(canary), `${canary} in ${where}`).toBe(false);
  }
});
