import { readFile } from "node:fs/promises";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Manifest } from "../../src/api/objects.ts";
import { WorkingCopy } from "../apps/gitRepo.ts";
import { shopManifests } from "../apps/shop.ts";
import { until } from "../apps/until.ts";
import { ApiProxy } from "../harness/apiProxy.ts";
import { Kube } from "../harness/kube.ts";
import { KubeError } from "../harness/kubeCalls.ts";
import { RunningLoad } from "../harness/load.ts";
import { operatorImage } from "../harness/operatorImage.ts";
import { openScene, type Scene } from "../harness/scene.ts";

const log = (line: string) => void process.stderr.write(`${line}\n`);

let scene: Scene;

beforeAll(async () => {
  const started = performance.now();
  scene = await openScene({ apps: true, prometheus: true, operator: "none", log });
  log(`scene set in ${((performance.now() - started) / 1000).toFixed(1)} s`);
});
afterAll(async () => {
  const started = performance.now();
  await scene?.[Symbol.asyncDispose]();
  log(`scene taken down in ${((performance.now() - started) / 1000).toFixed(1)} s`);
});

describe("the shop under load", () => {
  it("serves 100 requests a second without a failure, and Prometheus knows it by pod", async () => {
    const namespace = await scene.namespace("shop");
    const shop = { namespace, name: "web", version: "v1", replicas: 2, image: scene.images.shop };
    await scene.kube.applyAll(shopManifests(shop));
    await scene.kube.waitAvailable(namespace, "web");
    const load = await RunningLoad.start(scene.kube, {
      namespace,
      target: "http://web",
      rate: 100,
      image: scene.images.load,
    });
    await load.untilAnswered(500);
    expect(await load.failures()).toEqual([]);

    const counts = `http_requests_total{namespace="${namespace}"`;
    const ratio = `sum by (pod) (rate(${counts},code!~"5.."}[5s])) / sum by (pod) (rate(${counts}}[5s]))`;
    const rates = await scene.monitoring.until(ratio, (samples) => samples.length === 2, { timeoutMs: 20_000 });
    expect(rates.map(({ value }) => value)).toEqual([1, 1]);
    const stats = await load.stop();
    expect(stats.failed).toBe(0);
    expect(Object.keys(stats.byVersion)).toEqual(["v1"]);
  });
});

describe("the operator's image", () => {
  let namespace: string;

  beforeAll(async () => {
    namespace = await scene.namespace("image");
    const { tar, reference } = await operatorImage(log);
    await scene.cluster.loadImage(tar);
    const wait = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e9)";
    const volume = { name: "tmp", emptyDir: {} };
    const pod: Manifest = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "tools", namespace },
      spec: {
        securityContext: { runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 },
        volumes: [volume],
        containers: [
          {
            name: "tools",
            image: reference,
            imagePullPolicy: "Never",
            command: ["node", "-e", wait],
            securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
            volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          },
        ],
      },
    };
    await scene.kube.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } });
    await scene.kube.apply(pod);
    await scene.kube.waitPodReady(namespace, "tools");
  });

  const inPod = (...command: readonly string[]) =>
    scene.kube.kubectl(["exec", "-n", namespace, "tools", "--", ...command]);
  const inNode = (program: string) => inPod("node", "--input-type=module", "-e", program);
  /** git as Fairlead runs it: a CA and credentials in a file, nothing else. */
  const gitInPod = (config: string, url: string) =>
    inNode(`
      import { execFileSync } from "node:child_process";
      import { writeFileSync } from "node:fs";
      writeFileSync("/tmp/gitconfig", ${JSON.stringify(config)});
      const env = { PATH: "/usr/bin:/bin", HOME: "/tmp", GIT_CONFIG_GLOBAL: "/tmp/gitconfig", GIT_TERMINAL_PROMPT: "0" };
      process.stdout.write(execFileSync("git", ["ls-remote", ${JSON.stringify(url)}, "refs/heads/main"], { env }));
    `);
  const putFile = (path: string, text: string) =>
    inNode(`import { writeFileSync } from "node:fs";
      writeFileSync(${JSON.stringify(path)}, ${JSON.stringify(text)}, { mode: 0o600 })`);

  it("has Node, git and ssh", async () => {
    expect(await inPod("node", "--version")).toMatch(/^v\d+\./);
    expect(await inPod("git", "--version")).toMatch(/^git version /);
    expect(
      await inNode(`import { spawnSync } from "node:child_process";
      console.log(spawnSync("ssh", ["-V"]).stderr.toString())`),
    ).toMatch(/OpenSSH/);
  });

  it("finds Services by name", async () => {
    const service = await scene.kube.get({
      apiVersion: "v1",
      kind: "Service",
      namespace: "default",
      name: "kubernetes",
    });
    const found = await inNode(`import { lookup } from "node:dns/promises";
      process.stdout.write((await lookup("kubernetes.default.svc")).address)`);
    expect(service["spec"]).toMatchObject({ clusterIP: found });
  });

  it("loads every module of the operator, and what they import", async () => {
    const said = await inNode(`
      import { globSync } from "node:fs";
      const files = globSync("/app/dist/{adapters,api,cli,controllers,core,ports,telemetry}/**/*.js");
      for (const file of files) await import(file);
      console.log(files.length > 20 ? "all" : "few");
      process.exit(0);`);
    expect(said.trim()).toBe("all");
  });

  describe("with a Git server", () => {
    let head: string;

    beforeAll(async () => {
      await scene.git.createRepo("tools");
      const env = scene.git.clientEnv;
      const directory = scene.scratch("tools");
      const copy = await WorkingCopy.init({ directory, remote: scene.git.httpsUrl("tools"), env });
      head = await copy.change("Begin", { "README.md": "hello\n" });
    });

    it("reads a repository over HTTPS, by a CA file", async () => {
      const { username, password, ca } = scene.git;
      const basic = Buffer.from(`${username}:${password}`).toString("base64");
      await putFile("/tmp/ca.crt", ca);
      const config = `[http]\n\tsslCAInfo = /tmp/ca.crt\n\textraHeader = "Authorization: Basic ${basic}"\n`;
      expect(await gitInPod(config, scene.git.httpsUrl("tools"))).toBe(`${head}\trefs/heads/main\n`);
    });

    it("reads a repository over SSH", async () => {
      await putFile("/tmp/key", scene.git.sshPrivateKey);
      await putFile("/tmp/known_hosts", scene.git.knownHosts);
      const ssh = "ssh -F /dev/null -i /tmp/key -o BatchMode=yes -o UserKnownHostsFile=/tmp/known_hosts";
      expect(await gitInPod(`[core]\n\tsshCommand = ${ssh}\n`, scene.git.sshUrl("tools"))).toBe(
        `${head}\trefs/heads/main\n`,
      );
    });
  });
});

describe("the proxy before the API server", () => {
  let proxy: ApiProxy;
  let through: Kube;
  let namespace: string;

  beforeAll(async () => {
    namespace = await scene.namespace("proxy");
    proxy = await ApiProxy.start(scene.cluster.kubeconfig);
    through = new Kube(proxy.kubeconfig);
  });
  afterAll(async () => {
    await through?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
  });

  const config = (name: string): Manifest => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: { key: name },
  });
  const ref = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace, name });

  it("counts calls, and records the bodies of writes", async () => {
    proxy.forget();
    await through.apply(config("one"));
    await through.get(ref("one"));
    expect(proxy.counts(({ resource }) => resource === "configmaps")).toEqual({
      "apply configmaps": 1,
      "get configmaps": 1,
    });
    expect(proxy.writes).toMatchObject([{ verb: "apply", namespace, name: "one", body: { data: { key: "one" } } }]);
  });

  it("tells of a write when it is stored and its writer does not know yet", async () => {
    const seen: string[] = [];
    proxy.afterWrite(2, async ({ name }) => {
      seen.push(`${name} ${(await scene.kube.find(ref(name))) ? "is there" : "is not there"}`);
    });
    await through.apply(config("first"));
    await through.apply(config("second"));
    await through.apply(config("third"));
    expect(seen).toEqual(["second is there"]);
  });

  it("denies, and cuts before and after", async () => {
    const writes = ({ write }: { readonly write: boolean }) => write;
    proxy.rule(writes, { kind: "Deny", status: 503 }, { times: 1 });
    await expect(through.apply(config("denied"))).rejects.toThrow(KubeError);
    proxy.rule(writes, { kind: "CutBefore" }, { times: 1 });
    await expect(through.apply(config("lost"))).rejects.toThrow();
    proxy.rule(writes, { kind: "CutAfter" }, { times: 1 });
    await expect(through.apply(config("stored"))).rejects.toThrow();
    const names = (await scene.kube.list("v1", "ConfigMap", { namespace })).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => ["denied", "lost", "stored"].includes(name))).toEqual(["stored"]);
  });

  it("passes watches on as they come", async () => {
    const { clusters, users } = parse(await readFile(proxy.kubeconfig, "utf8"));
    const abort = new AbortController();
    const answer = await fetch(`${clusters[0].cluster.server}/api/v1/namespaces/${namespace}/configmaps?watch=true`, {
      headers: { authorization: `Bearer ${users[0].user.token}` },
      signal: abort.signal,
    });
    let heard = "";
    const listening = (async () => {
      for await (const chunk of answer.body ?? []) heard += Buffer.from(chunk).toString("utf8");
    })().catch(() => undefined);
    await scene.kube.apply(config("watched"));
    await until("the event", (saw) => {
      saw(heard);
      return heard.includes('"watched"') ? true : undefined;
    });
    abort.abort();
    await listening;
  });

  it("goes down and comes back", async () => {
    await proxy.down();
    await expect(through.get(ref("one"))).rejects.toThrow();
    await proxy.up();
    expect((await through.get(ref("one"))).metadata.name).toBe("one");
  });
});
