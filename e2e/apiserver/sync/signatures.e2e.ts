import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type JsonObject, stringAt } from "../../../src/api/json.ts";
import { openPgpSigner, type Signer, signedCommit, signedTag, sshSigner } from "../../../src/testing/signing.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const SECRET = "team-keys";

let scene: PlaneScene;
let team: Signer;
let pgp: Signer;
let stranger: Signer;

beforeAll(async () => {
  scene = await openPlaneScene();
  [team, pgp, stranger] = [sshSigner(), await openPgpSigner(), sshSigner()];
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

interface Signing {
  /** undefined: the commit is not signed. */
  readonly by?: Signer;
  readonly parents?: readonly string[];
  readonly namespace?: string;
}

/** A commit that gives the object a value, made object by object; it is pushed with what comes later. */
async function commit({ copy }: GitProject, value: string, signing: Signing = {}): Promise<string> {
  await copy.write({ "deploy/app.yaml": toYaml([configMap("one", { value })]) });
  await copy.git("add", "--all");
  const parents =
    signing.parents ??
    (await copy.git("rev-parse", "--verify", "--quiet", "HEAD").then(
      (sha) => [sha],
      () => [],
    ));
  const tree = await copy.git("write-tree");
  const plain = await copy.git("commit-tree", "-m", value, ...parents.flatMap((parent) => ["-p", parent]), tree);
  const sha = signing.by === undefined ? plain : await resigned(copy, plain, signing.by, signing.namespace);
  await copy.git("reset", "--quiet", "--hard", sha);
  return sha;
}

async function resigned(copy: GitProject["copy"], sha: string, by: Signer, namespace = "git"): Promise<string> {
  // The harness trims the line end that the message has.
  const text = `${await copy.git("cat-file", "commit", sha)}\n`;
  return store(copy, "commit", await signedCommit(text, by, { namespace }));
}

async function store(copy: GitProject["copy"], type: string, text: string): Promise<string> {
  const path = scene.scratch(`object-${Math.random()}`);
  await writeFile(path, text);
  return copy.git("hash-object", "-t", type, "-w", path);
}

/** An annotated tag of a commit, pushed; `named` is what the tag object calls itself. */
async function tag({ copy }: GitProject, name: string, sha: string, by?: Signer, named = name): Promise<void> {
  const text = `object ${sha}\ntype commit\ntag ${named}\ntagger A <a@example.com> 1767323045 +0000\n\n${name}\n`;
  const oid = await store(copy, "tag", by === undefined ? text : await signedTag(text, by));
  await copy.git("update-ref", `refs/tags/${name}`, oid);
  await copy.push({ ref: `refs/tags/${name}`, force: true });
}

async function trust(namespace: string, keys: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name: SECRET, namespace };
  await scene.kube.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: keys });
}

/** A sync whose first commit is signed and applied. */
async function verifiedProject(
  name: string,
  spec: JsonObject = {},
  first: Signing = { by: team },
): Promise<GitProject> {
  const namespace = await scene.namespace(name);
  await trust(namespace, { "team.pub": team.publicKey, "release.asc": pgp.publicKey });
  const verify = { secretRef: { name: SECRET } };
  const project = await scene.project({ name, namespace, spec: { verify, suspend: true, ...spec } });
  await commit(project, "first", first);
  await project.copy.push();
  await project.change({ suspend: false });
  return project;
}

async function valueIn(project: GitProject): Promise<string | undefined> {
  return stringAt(await scene.kube.find(project.refTo("v1", "ConfigMap", "one")), "data", "value");
}

/** Nothing of what is refused has an effect, and what was verified is kept in force. */
async function untilRefused(project: GitProject, text: string, value: string): Promise<string> {
  const message = await project.untilReady("False", "NotVerified", text);
  const ref = project.refTo("v1", "ConfigMap", "one");
  await scene.kube.patch(ref, { data: { value: "drifted" } });
  await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === value);
  return message;
}

async function accept(project: GitProject, message: string): Promise<void> {
  const [, key = "", sha = ""] = /(fairlead\.dev\/\S+)=([0-9a-f]{40})\b/.exec(message) ?? [];
  await scene.kube.patch(project.ref, { metadata: { annotations: { [key]: sha } } });
}

it.concurrent("A18: an unsigned commit on top of a signed one is refused, until it is accepted or signed", async () => {
  const project = await verifiedProject("unsigned");
  const first = await project.copy.head();
  const sync = await project.untilApplied(first);
  expect(stringAt(sync, "status", "verifiedRevision")).toBe(first);
  const bad = await commit(project, "unsigned");
  await project.copy.push();
  const message = await untilRefused(project, `${bad.slice(0, 12)} is not signed`, "first");
  console.log(message);
  await project.untilEvent("NotVerified", bad.slice(0, 12));
  // A signed one on top does not carry it through.
  const above = await commit(project, "above", { by: team });
  await project.copy.push();
  await untilRefused(project, `1 of 2 commits cannot be trusted: ${bad.slice(0, 12)} is not signed`, "first");
  await accept(project, message.replace(/=[0-9a-f]{40}/, `=${bad}`));
  await project.untilApplied(above);
  const next = await commit(project, "unsigned again");
  await project.copy.push();
  await accept(project, await untilRefused(project, next.slice(0, 12), "above"));
  await project.untilApplied(next);
});

it.concurrent("A18: the first commit ever is verified itself, and one before it does not become good by that", async () => {
  const project = await verifiedProject("first", {}, {});
  const unsigned = await project.copy.head();
  const message = await project.untilReady("False", "NotVerified", `${unsigned.slice(0, 12)} is not signed`);
  expect(message).toContain(SECRET);
  expect(await valueIn(project)).toBeUndefined();
  const signed = await commit(project, "signed", { by: pgp });
  await project.copy.push();
  await project.untilApplied(signed);
  await project.copy.rewind(unsigned);
  await project.copy.push({ force: true });
  await untilRefused(project, `${unsigned.slice(0, 12)} is not signed`, "signed");
});

it.concurrent("A18: untrusted keys and signatures for another purpose are refused; a key that is added counts at once", async () => {
  const project = await verifiedProject("untrusted");
  const first = await project.copy.head();
  await project.untilApplied(first);
  await commit(project, "file", { by: team, namespace: "file" });
  await project.copy.push();
  await untilRefused(project, "no valid signature for git", "first");
  await project.copy.rewind(first);
  const sha = await commit(project, "stranger", { by: stranger });
  await project.copy.push({ force: true });
  await untilRefused(project, "a key that is not trusted", "first");
  await trust(project.namespace, { "team.pub": team.publicKey, "new.pub": stranger.publicKey });
  await project.untilApplied(sha);
  // A key that is taken out counts no more.
  await scene.kube.patch(
    { apiVersion: "v1", kind: "Secret", namespace: project.namespace, name: SECRET },
    { data: { "new.pub": null } },
  );
  await project.untilReady("False", "NotVerified", sha.slice(0, 12));
  await scene.kube.patch(
    { apiVersion: "v1", kind: "Secret", namespace: project.namespace, name: SECRET },
    { stringData: { "bad.pub": "hunter2" } },
  );
  expect(await project.untilReady("False", "InvalidKeys", "bad.pub")).not.toContain("hunter2");
});

it.concurrent("A18: a merge is as good as all that it brings", async () => {
  const project = await verifiedProject("merge");
  const first = await project.copy.head();
  await project.untilApplied(first);
  const good = await commit(project, "side", { by: pgp, parents: [first] });
  const bad = await commit(project, "side", { parents: [first] });
  const merged = await commit(project, "merged", { by: team, parents: [first, good] });
  await project.copy.push();
  await project.untilApplied(merged);
  await commit(project, "merged again", { by: team, parents: [merged, bad] });
  await project.copy.push();
  await untilRefused(project, `1 of 2 commits cannot be trusted: ${bad.slice(0, 12)} is not signed`, "merged");
});

it.concurrent("A18: replace refs and grafts at the remote do not hide an unsigned commit", async () => {
  const project = await verifiedProject("replace");
  const first = await project.copy.head();
  await project.untilApplied(first);
  const hidden = await commit(project, "hidden");
  const head = await commit(project, "head", { by: team });
  const other = await commit(project, "head", { by: team, parents: [first] });
  await project.copy.git("update-ref", `refs/replace/${head}`, other);
  await project.copy.git(
    "-c",
    "advice.graftFileDeprecated=false",
    "push",
    "--quiet",
    "origin",
    `refs/replace/${head}`,
    `${head}:refs/heads/main`,
  );
  await untilRefused(project, `${hidden.slice(0, 12)} is not signed`, "first");
});

it.concurrent("A18: a signed tag on an unsigned commit is as much as the mode says, and under its own name alone", async () => {
  const only = await verifiedProject(
    "tag",
    { ref: { tag: "v1" }, verify: { mode: "Tag", secretRef: { name: SECRET } } },
    {},
  );
  const sha = await only.copy.head();
  const both = await scene.project({
    name: "both",
    namespace: only.namespace,
    beside: only,
    spec: { ref: { tag: "v1" }, verify: { mode: "TagAndCommits", secretRef: { name: SECRET } }, path: "none" },
  });
  await only.copy.git("tag", "v1", sha);
  await only.copy.push({ ref: "v1" });
  await only.untilReady("False", "NotVerified", "the tag v1 is no annotated tag");
  await tag(only, "v1", sha);
  await only.untilReady("False", "NotVerified", "the tag v1 is not signed");
  await tag(only, "v1", sha, team, "v0");
  await only.untilReady("False", "NotVerified", "the tag v1 was made under another name");
  await tag(only, "v1", sha, stranger);
  await only.untilReady("False", "NotVerified", "a key that is not trusted");
  expect(await valueIn(only)).toBeUndefined();
  // The same commit all the while: it is the tag that was signed anew.
  await tag(only, "v1", sha, team);
  await only.untilApplied(sha);
  await both.untilReady("False", "NotVerified", `the commit cannot be trusted: ${sha.slice(0, 12)} is not signed`);
});

it("A18: a new process keeps the last verified revision in force while the newest one is refused", async () => {
  const project = await verifiedProject("restart");
  await project.untilApplied(await project.copy.head());
  await commit(project, "unsigned");
  await project.copy.push();
  await untilRefused(project, "is not signed", "first");
  await scene.operator.restart();
  await untilRefused(project, "is not signed", "first");
});
