import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type JsonObject, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import type { CallFilter } from "../../harness/apiProxy.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import { make, type Podless, podless, release, untilAtRest } from "../../harness/podless.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true, args: ["--copy-secrets"] });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const CANARY = "correct-horse-battery";

function secret(namespace: string, name: string, value: string, more: JsonObject = {}): Manifest {
  const type = "example.com/token";
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, ...more },
    type,
    stringData: { token: value },
  } as Manifest;
}

async function namesOf(kind: string, namespace: string): Promise<readonly string[]> {
  const all = await scene.kube.list("v1", kind, { namespace });
  return all
    .map(({ metadata }) => metadata.name)
    .filter((name) => name !== "kube-root-ca.crt")
    .sort();
}

/** The stable revision. */
async function stableOf({ namespace, name }: Podless): Promise<string> {
  const rollout = await scene.kube.get({ apiVersion: API_VERSION, kind: "ProgressiveRollout", namespace, name });
  return stringAt(rollout, "status", "rollout", "stable") ?? "";
}

const config =
  (kinds: RegExp): CallFilter =>
  ({ resource, write }) =>
    kinds.test(resource) && !write;

describe("configuration of revisions", () => {
  it("P39: an API server that fails to give ConfigMaps, three times, makes no revision and no other data", async () => {
    const { kube, proxy, operator } = scene;
    const namespace = await scene.namespace("flaky");
    const app = { namespace, name: "web", container: { envFrom: [{ configMapRef: { name: "settings" } }] } };
    await make(kube, [
      { ...configMap("settings", { level: "1" }), metadata: { name: "settings", namespace } },
      ...podless(app),
    ]);
    await untilAtRest(kube, app, "Adopted");
    const before = await stableOf(app);

    // A new process lists them anew; a failed read is no change of theirs.
    await operator.stop();
    const failing = proxy.rule(
      config(/^configmaps$/),
      { kind: "Deny", status: 500, reason: "InternalError" },
      { times: 3 },
    );
    proxy.forget();
    await operator.start();
    await expect.poll(() => proxy.calls.filter(config(/^configmaps$/)).length, { timeout: 90_000 }).toBeGreaterThan(3);
    failing();
    expect(proxy.writes).toEqual([]);

    // In the middle of making one: the copies are what is read when it works again.
    const reads: CallFilter = ({ resource, verb }) => resource === "configmaps" && verb === "get";
    const denied = proxy.rule(reads, { kind: "Deny", status: 500, reason: "InternalError" }, { times: 3 });
    await release(kube, { ...app, release: "2" });
    await untilAtRest(kube, app, "Promoted");
    denied();
    const after = await stableOf(app);
    expect(after).not.toBe(before);
    const made = async () => {
      const all = await kube.list("apps/v1", "Deployment", { namespace, labels: "fairlead.dev/revision" });
      return all.map(({ metadata }) => metadata.name).sort();
    };
    await expect.poll(made, { timeout: 90_000 }).toEqual([`web-${after}`, `web-${before}`].sort());
    const copy = await kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace, name: `settings-${after}` });
    expect(copy).toMatchObject({ data: { level: "1" }, immutable: true });
  });

  it("P39: a Secret is a part of the revision where asked: copied, owned, and gone with it; a rotated one is seen by all", async () => {
    const { kube, proxy, operator } = scene;
    const namespace = await scene.namespace("secret");
    const shared = { annotations: { "fairlead.dev/config": "shared" } };
    const container = {
      env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "token" } } }],
      envFrom: [{ secretRef: { name: "rotated" } }],
    };
    const spec = { config: { secrets: "Include" }, rollback: { window: { revisions: 0 } }, scaleDownDelaySeconds: 0 };
    const app = { namespace, name: "web", container, spec };
    await make(kube, [
      secret(namespace, "token", CANARY),
      secret(namespace, "rotated", "first", shared),
      ...podless(app),
    ]);
    await untilAtRest(kube, app, "Adopted");
    const first = await stableOf(app);
    const copied = await kube.get({ apiVersion: "v1", kind: "Secret", namespace, name: `token-${first}` });
    expect(copied).toMatchObject({
      type: "example.com/token",
      immutable: true,
      data: { token: Buffer.from(CANARY).toString("base64") },
    });
    const revision = await kube.get({ apiVersion: "apps/v1", kind: "Deployment", namespace, name: `web-${first}` });
    expect(copied.metadata["ownerReferences"]).toMatchObject([
      { kind: "Deployment", name: `web-${first}`, uid: revision.metadata.uid },
    ]);
    expect(JSON.stringify(at(revision, "spec", "template"))).toContain(`"name":"token-${first}"`);
    expect(await namesOf("Secret", namespace)).toEqual(["rotated", "token", `token-${first}`]);

    proxy.forget();
    await kube.apply(secret(namespace, "rotated", "second", shared));
    await kube.apply(secret(namespace, "token", CANARY, { labels: { touched: "yes" } }));
    // Another change is decided upon after both, so they have been seen when it is done.
    await make(kube, podless({ namespace, name: "witness" }));
    await untilAtRest(kube, { namespace, name: "witness" }, "Adopted");
    expect(proxy.writes.filter(({ name }) => !name.includes("witness"))).toEqual([]);

    await kube.apply(secret(namespace, "token", `${CANARY}-2`));
    await untilAtRest(kube, app, "Promoted");
    const second = await stableOf(app);
    expect(second).not.toBe(first);
    await expect
      .poll(() => namesOf("Secret", namespace), { timeout: 90_000 })
      .toEqual(["rotated", "token", `token-${second}`].sort());

    const events = await kube.list("v1", "Event", { namespace });
    const all = await Promise.all([
      kube.list("apps/v1", "Deployment", { namespace }),
      kube.list(API_VERSION, "ProgressiveRollout", { namespace }),
    ]);
    const shown = `${await operator.logs()} ${JSON.stringify(events)} ${JSON.stringify(all)} ${await operator.metrics()}`;
    for (const value of [CANARY, Buffer.from(CANARY).toString("base64")]) expect(shown).not.toContain(value);
  });

  it("P39: what Git no longer has stays as long as a revision that Git may go back to needs it", async () => {
    const { kube } = scene;
    const generated = (suffix: string) => ({ envFrom: [{ secretRef: { name: `token-${suffix}` } }] });
    const files = (suffix: string, options: Partial<Podless> = {}) => ({
      "app.yaml": toYaml(
        podless({ namespace: "", name: "web", container: generated(suffix), ...options }).map(placeless),
      ),
      "token.yaml": toYaml([placeless(secret("", `token-${suffix}`, suffix))]),
      "other.yaml": toYaml([configMap("other"), configMap("more"), configMap("again")]),
    });
    const window = { rollback: { window: { revisions: 1, duration: "15s" } }, scaleDownDelaySeconds: 0 };
    const project = await scene.project({ files: files("4m2k9bt7fg", { spec: window }) });
    const { namespace } = project;
    const app = { namespace, name: "web" };
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", ...app };
    await kube.waitFor(deployment, "to be applied", () => true);
    await kube.patch(deployment, { status: { observedGeneration: 1_000 } }, "status");
    await untilAtRest(kube, app, "Adopted");
    await project.push("Rotate", files("77hkd9g2mm", { spec: window }));
    await untilAtRest(kube, app, "Promoted");
    const kept = await until("the sync to say what it keeps", async (saw) => {
      const sync = await kube.get({ apiVersion: API_VERSION, kind: "GitSync", namespace, name: project.name });
      const message = JSON.stringify(at(sync, "status", "conditions"));
      saw(message);
      return message.includes("whose pods use it") ? message : undefined;
    });
    expect(kept).toMatch(/Secret [^ ]*token-4m2k9bt7fg stays until revision web-[a-z0-9]+, whose pods use it, is gone/);
    expect(await namesOf("Secret", namespace)).toContain("token-4m2k9bt7fg");
    await expect.poll(() => namesOf("Secret", namespace), { timeout: 60_000 }).not.toContain("token-4m2k9bt7fg");
  });
});

function placeless(object: Manifest): Manifest {
  const { namespace: _namespace, ...metadata } = object.metadata;
  return { ...object, metadata };
}
