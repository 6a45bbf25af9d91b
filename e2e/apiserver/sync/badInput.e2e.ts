import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/api/json.ts";
import { stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { conditionOf } from "../../harness/kube.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject, ProjectFiles } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** What one mistake must lead to. */
interface Outcome {
  readonly reason: string;
  /** Parts of the message: where it is, and the way out. */
  readonly says: readonly string[];
}

const good = { "app.yaml": toYaml([configMap("app", { value: "good" })]) };

async function begin(transport: "https" | "ssh" = "https"): Promise<GitProject> {
  const project = await scene.project({ files: good, transport });
  await project.untilApplied(await project.copy.head());
  return project;
}

/** The mistake is told in the condition and by an Event, nothing is deleted, and the last good state is in force. */
async function isTold(project: GitProject, { reason, says }: Outcome): Promise<void> {
  const message = await project.untilReady("False", reason, says[0]);
  console.log(`${reason}: ${message}`);
  for (const part of says) expect(message).toContain(part);
  await project.untilEvent(reason, says[0]);
  const sync = await project.sync();
  const moving = ["Stalled", "Reconciling"].filter((type) => conditionOf(sync, type)?.status === "True");
  expect(moving).toHaveLength(1);
  expect(stringAt(sync, "status", "appliedRevision")).toBeDefined();
  const { namespace } = project;
  expect(scene.proxy.writes.filter((call) => call.namespace === namespace && call.verb === "delete")).toEqual([]);
  // The last good state is kept, also against drift.
  const ref = project.refTo("v1", "ConfigMap", "app");
  await scene.kube.patch(ref, { data: { value: "drifted" } });
  await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === "good");
}

const two = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;
const rollout = {
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "ProgressiveRollout",
  metadata: { name: "web" },
  spec: {
    workloadRef: { kind: "Deployment", name: "web" },
    serviceRef: { name: "web" },
    strategy: { canary: { steps: [{ weight: 50 }, { weight: 20 }] } },
  },
};
const negative = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "bad" },
  spec: {
    replicas: -1,
    selector: { matchLabels: { app: "bad" } },
    template: { metadata: { labels: { app: "bad" } }, spec: { containers: [{ name: "app", image: "a" }] } },
  },
};

/** Commits of which nothing may be applied. */
const refusedAsAWhole: readonly (readonly [string, ProjectFiles, Outcome])[] = [
  ["broken YAML", { "bad.yaml": "a: [1\nb: 2\n" }, { reason: "InvalidYAML", says: ["deploy/bad.yaml:"] }],
  [
    "a key twice",
    { "bad.yaml": `${two("bad")}kind: Secret\n` },
    { reason: "DuplicateKey", says: ["deploy/bad.yaml:4:1"] },
  ],
  [
    "an object twice",
    { "x.yaml": two("twice"), "y.yaml": two("twice") },
    { reason: "DuplicateObject", says: ["deploy/y.yaml:1:1", "deploy/x.yaml:1:1", "remove one of the two"] },
  ],
  [
    "what is no object",
    { "bad.yaml": "kind: ConfigMap\n" },
    { reason: "NotAnObject", says: ["deploy/bad.yaml:1:1", "apiVersion"] },
  ],
  [
    "a namespace of Kubernetes itself",
    { "bad.yaml": toYaml([{ ...configMap("bad"), metadata: { name: "bad", namespace: "kube-system" } }]) },
    { reason: "ForeignNamespace", says: ["deploy/bad.yaml:1:1", "kube-system", "move it"] },
  ],
  [
    "a kustomization on the way to another host",
    { "kustomization.yaml": "resources: [app.yaml, 'https://169.254.169.254/x']\n" },
    { reason: "RemoteRefused", says: ["deploy/kustomization.yaml:1:23", "copy it into the repository"] },
  ],
  [
    "a field of the wrong type",
    { "bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndata: [1, 2]\n" },
    { reason: "ApplyFailed", says: ["deploy/bad.yaml:1:1", "ConfigMap", "correct the manifest and push"] },
  ],
  [
    "negative replicas",
    { "bad.yaml": toYaml([negative]) },
    { reason: "ApplyFailed", says: ["deploy/bad.yaml:1:1", "spec.replicas"] },
  ],
  [
    "steps out of order",
    { "bad.yaml": toYaml([rollout]) },
    { reason: "ApplyFailed", says: ["deploy/bad.yaml:1:1", "ProgressiveRollout"] },
  ],
  [
    "a namespace that does not exist",
    { "bad.yaml": toYaml([{ ...configMap("bad"), metadata: { name: "bad", namespace: "nowhere" } }]) },
    { reason: "ApplyFailed", says: ["deploy/bad.yaml:1:1", 'namespaces "nowhere" not found'] },
  ],
];

/** Objects that wait alone. */
const refusedAlone: readonly (readonly [string, string, Outcome])[] = [
  [
    "an unknown kind",
    "apiVersion: example.com/v1\nkind: Unheard\nmetadata: { name: bad }\n",
    { reason: "UnknownKind", says: ["deploy/bad.yaml:1:1", "install what brings the kind"] },
  ],
];

describe("a commit", () => {
  it.concurrent.each(refusedAsAWhole)("with %s", async (_, files, outcome) => {
    const project = await begin();
    await project.push("Break it", { ...files, "more.yaml": toYaml([configMap("more")]) });
    await isTold(project, outcome);
    expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "more"))).toBeUndefined();
    const gone = Object.fromEntries(Object.keys(files).map((file) => [file, undefined]));
    await project.untilApplied(await project.push("Mend it", gone));
    await scene.kube.get(project.refTo("v1", "ConfigMap", "more"));
  });

  it.concurrent.each(refusedAlone)("with %s, next to good objects", async (_, text, outcome) => {
    const project = await begin();
    await project.push("Break it", { "bad.yaml": text, "more.yaml": toYaml([configMap("more")]) });
    await isTold(project, outcome);
    await scene.kube.get(project.refTo("v1", "ConfigMap", "more"));
    await project.untilApplied(await project.push("Mend it", { "bad.yaml": undefined }));
  });

  it.concurrent("A06: with a symbolic link", async () => {
    const project = await begin();
    const { copy } = project;
    await copy.git("config", "core.symlinks", "false");
    const blob = await linkTo(project, "/etc/passwd");
    await copy.git("update-index", "--add", "--cacheinfo", `120000,${blob},deploy/link.yaml`);
    await copy.git("commit", "--quiet", "--message", "Link");
    await copy.push();
    await isTold(project, { reason: "SymlinkRefused", says: ["deploy/link.yaml"] });
    await copy.git("rm", "--quiet", "--cached", "deploy/link.yaml");
    await copy.git("commit", "--quiet", "--message", "Remove the link");
    await copy.push();
    await project.untilApplied(await copy.head());
  });
});

async function linkTo({ copy }: GitProject, target: string): Promise<string> {
  await copy.write({ target });
  const blob = await copy.git("hash-object", "-w", "target");
  await copy.write({ target: undefined });
  return blob;
}

describe("a spec", () => {
  it.concurrent.each<readonly [string, (project: GitProject) => JsonObject, Outcome]>([
    [
      "a host that does not answer",
      () => ({ url: "https://127.0.0.1:1/x.git" }),
      { reason: "HostUnreachable", says: ["127.0.0.1"] },
    ],
    [
      "an unknown host",
      () => ({ url: "https://git.invalid/x.git" }),
      { reason: "HostUnknown", says: ["git.invalid", "check the URL"] },
    ],
    [
      "an unknown repository",
      ({ repo }) => ({ url: scene.git.httpsUrl(`${repo}-x`) }),
      { reason: "RepositoryNotFound", says: ["check the URL"] },
    ],
    [
      "a missing branch",
      () => ({ ref: { branch: "nope" } }),
      { reason: "RefNotFound", says: ['branch "nope"', 'its default branch is "main"'] },
    ],
    ["a missing path", () => ({ path: "nope" }), { reason: "PathNotFound", says: ["nope", "correct the path"] }],
    [
      "a missing Secret",
      () => ({ secretRef: { name: "nope" } }),
      { reason: "SecretMissing", says: ["nope", "create it"] },
    ],
  ])("with %s", async (_, change, outcome) => {
    const project = await begin();
    const former = (await project.sync())["spec"] as JsonObject;
    await project.change(change(project));
    await isTold(project, outcome);
    await project.change({ ...former, ref: { branch: null } });
    await project.untilReady("True", "Applied");
  });

  it.concurrent("E41: with wrong credentials, until the Secret is mended", async () => {
    const project = await begin();
    const secret = project.refTo("v1", "Secret", "app-git");
    await scene.kube.patch(secret, { stringData: { password: "wrong" } });
    await isTold(project, { reason: "AuthFailed", says: ["check the Secret"] });
    await scene.kube.patch(secret, { stringData: { password: scene.git.password } });
    await project.untilReady("True", "Applied");
  });

  it("E40: with another host key, until the Secret is mended: within 10 s, without a restart", async () => {
    const project = await begin("ssh");
    const secret = project.refTo("v1", "Secret", "app-git");
    const [host = "", type = ""] = scene.git.knownHosts.split(" ");
    const key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    await scene.kube.patch(secret, { stringData: { known_hosts: `${host} ${type} ${key}\n` } });
    await isTold(project, { reason: "HostKeyMismatch", says: ["known_hosts", "(SHA256:"] });
    // Neither an interval nor a wait that has grown keeps it from coming back.
    await project.change({ interval: "1h" });
    await project.untilReady("False", "HostKeyMismatch");
    await scene.kube.patch(secret, { stringData: { known_hosts: scene.git.knownHosts } });
    await project.untilReady("True", "Applied", "", { timeoutMs: 10_000 });
  });

  it.each<readonly [string, JsonObject, string]>([
    ["A01: plain http", { url: "http://git.example.com/x.git" }, "url begins with https:// or ssh://"],
    ["A01: a program as url", { url: "ext::sh -c touch% /tmp/p" }, "url begins with https:// or ssh://"],
    ["A07: a path upwards", { path: "deploy/../../etc" }, "holds no '..'"],
    ["A07: a path from the root", { path: "/etc" }, "relative to the repository's root"],
  ])("%s is refused by the API server", async (_, change, says) => {
    const namespace = await scene.namespace("refused");
    const spec = { url: "https://git.example.com/x.git", ...change };
    const sync = { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync", metadata: { name: "app", namespace }, spec };
    await expect(scene.kube.apply(sync)).rejects.toThrow(says);
  });
});

it.concurrent("A20: words of a commit and names of files are plain text wherever they are shown", async () => {
  const [esc, bell] = [String.fromCharCode(27), String.fromCharCode(7)];
  const project = await begin();
  await project.copy.write({ "deploy/app.yaml": toYaml([configMap("app", { value: "better" })]) });
  const evil = `${esc}[31mred${esc}[0m${bell} <!channel> @channel [here](https://evil.example.com) ${"long ".repeat(100)}`;
  const sha = await project.copy.commit(`${evil}\n\nsecond\r\nthird`);
  await project.copy.push();
  const sync = await project.untilApplied(sha);
  expect(stringAt(sync, "status", "subject")).toMatch(
    /^red <!channel> @channel \[here\]\(https:\/\/evil\.example\.com\) long .{1,150}…$/,
  );
  await project.push(evil, { [`${esc}[2J\n@channel\u202e.yaml`]: "a: [\n" });
  await project.untilReady("False", "InvalidYAML");
  await project.untilEvent("InvalidYAML");
  const events = (await project.events()).map(({ message }) => message);
  expect(events.join()).not.toMatch(/<!channel>|evil\.example\.com/);
  // Nothing moves a terminal, ends a line or turns the text around.
  const shown = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
  const status = JSON.stringify((await project.sync())["status"]);
  for (const text of [...events, status]) expect(text).not.toMatch(shown);
  expect((await scene.operator.logs()).replaceAll("\n", "")).not.toMatch(shown);
});
