import { afterAll, beforeAll, expect, it } from "vitest";
import { listAt, numberAt, stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { conditionOf } from "../../harness/kube.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

function one(value: string): { readonly "app.yaml": string } {
  return { "app.yaml": toYaml([configMap("one", { value })]) };
}

async function valueIn(project: GitProject): Promise<string | undefined> {
  return stringAt(await scene.kube.find(project.refTo("v1", "ConfigMap", "one")), "data", "value");
}

it.concurrent("applies a directory over HTTPS with a password and an authority of its own", async () => {
  const project = await scene.project({ files: one("first") });
  const sha = await project.copy.head();
  const sync = await project.untilApplied(sha);
  expect(await valueIn(project)).toBe("first");
  expect(numberAt(sync, "status", "observedGeneration")).toBe(sync.metadata.generation);
  expect(numberAt(sync, "status", "objects")).toBe(1);
  expect(stringAt(sync, "status", "attemptedRevision")).toBe(sha);
  expect(stringAt(sync, "status", "subject")).toBe("Begin");
  expect(conditionOf(sync, "Ready")?.message).toContain(`Revision ${sha.slice(0, 8)} is applied`);
  for (const type of ["Reconciling", "Stalled"]) expect(conditionOf(sync, type)?.status ?? "False").toBe("False");
  expect(listAt(sync, "status", "history")).toMatchObject([
    {
      revision: sha,
      subject: "Begin",
      author: expect.stringContaining("Fairlead tests"),
      outcome: "Applied",
      objects: 1,
    },
  ]);
  await project.untilEvent("Applied", sha.slice(0, 8));
});

it("applies a directory over SSH with known_hosts", async () => {
  const project = await scene.project({ files: one("ssh"), transport: "ssh" });
  await project.untilApplied(await project.copy.head());
  expect(await valueIn(project)).toBe("ssh");
});

it("opens a locked SSH key with the passphrase in the Secret, and says so when it does not", async () => {
  const project = await scene.project({ files: one("locked"), transport: "ssh" });
  const sha = await project.copy.head();
  await project.untilApplied(sha);
  const secret = project.refTo("v1", "Secret", "app-git");
  const passphrase = 'c4nary it\'s "long" $(id)';
  await scene.kube.patch(secret, { stringData: { identity: await scene.git.lockedSshPrivateKey(passphrase) } });
  await project.untilReady("False", "AuthFailed", "add its passphrase");
  await scene.kube.patch(secret, { stringData: { passphrase: "wrong" } });
  await project.untilReady("False", "AuthFailed", "check that passphrase in the Secret opens it");
  await scene.kube.patch(secret, { stringData: { passphrase } });
  await project.untilReady("True", "Applied");
  const next = await project.push("Next", one("opened"));
  await project.untilApplied(next);
  const shown = `${JSON.stringify(await project.events())}${await scene.operator.logs()}`;
  expect(shown).not.toContain("c4nary");
});

it.concurrent("follows a branch, a tag, a commit, a range of versions and a full name", async () => {
  const project = await scene.project({ files: one("main") });
  const main = await project.copy.head();
  await project.untilApplied(main);
  await project.copy.branch("next");
  const next = await project.push("Next", one("next"));
  await project.copy.tag("v1", { annotated: true });
  await project.copy.push({ ref: "v1" });
  const later = await project.push("Later", one("later"));
  await project.change({ ref: { branch: "next" } });
  await project.untilApplied(later);
  expect(await valueIn(project)).toBe("later");
  await project.change({ ref: { branch: null, tag: "v1" } });
  await project.untilApplied(next);
  expect(await valueIn(project)).toBe("next");
  await project.change({ ref: { tag: null, commit: main } });
  await project.untilApplied(main);
  expect(await valueIn(project)).toBe("main");
  await project.copy.tag("v1.2.0", { annotated: true });
  await project.copy.push({ ref: "v1.2.0" });
  await project.change({ ref: { commit: null, semver: ">=1 <2" } });
  await project.untilApplied(later);
  const newest = await project.push("Newest", one("newest"));
  await project.copy.tag("v1.10.0");
  await project.copy.push({ ref: "v1.10.0" });
  await project.untilApplied(newest);
  await project.change({ ref: { semver: null, name: "refs/heads/main" } });
  await project.untilApplied(main);
});

it.concurrent("applies a push at once by its webhook, although the interval is ten minutes", async () => {
  const project = await scene.project({ files: one("before"), webhook: true, spec: { interval: "10m" } });
  await project.untilApplied(await project.copy.head());
  const started = performance.now();
  const sha = await project.push("Change", one("after"));
  await project.untilApplied(sha, { everyMs: 20 });
  console.log(`webhook: pushed and applied within ${Math.round(performance.now() - started)} ms`);
  expect(await valueIn(project)).toBe("after");
  expect(performance.now() - started).toBeLessThan(10_000);
});

it.concurrent("applies a push at the interval, replaces the former commit, and goes back by a revert", async () => {
  const project = await scene.project({ files: one("good") });
  const good = await project.copy.head();
  await project.untilApplied(good);
  const before = await scene.kube.get(project.refTo("v1", "ConfigMap", "one"));
  const bad = await project.push("Make it bad", one("bad"));
  await project.untilApplied(bad);
  expect(await valueIn(project)).toBe("bad");
  const reverted = await project.copy.revert(bad);
  await project.copy.push();
  const sync = await project.untilApplied(reverted);
  const after = await scene.kube.get(project.refTo("v1", "ConfigMap", "one"));
  expect(after["data"]).toEqual(before["data"]);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(listAt(sync, "status", "history").map((entry) => stringAt(entry, "revision"))).toEqual([reverted, bad, good]);
});

it.concurrent("stops while it is suspended and goes on afterwards", async () => {
  const project = await scene.project({ files: one("first") });
  await project.untilApplied(await project.copy.head());
  await project.change({ suspend: true });
  expect(await project.untilReady("False", "Suspended")).toContain("spec.suspend");
  const listed = scene.git.requests(project.repo).listed;
  const sha = await project.push("Second", one("second"));
  await scene.kube.patch(project.refTo("v1", "ConfigMap", "one"), { data: { value: "by hand" } });
  // Another sync proves that the operator is at work meanwhile.
  const other = await scene.project({ files: one("other") });
  await other.untilApplied(await other.copy.head());
  const third = await other.push("Other", one("third"));
  await other.untilApplied(third);
  expect(await valueIn(project)).toBe("by hand");
  expect(scene.git.requests(project.repo).listed).toBe(listed);
  await project.change({ suspend: false });
  await project.untilApplied(sha);
  expect(await valueIn(project)).toBe("second");
});

it.concurrent("looks at Git when the annotation asks for it, and says so", async () => {
  const project = await scene.project({ files: one("first"), spec: { interval: "10m" } });
  await project.untilApplied(await project.copy.head());
  const sha = await project.push("Second", one("second"));
  await scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": "now" } } });
  const sync = await project.untilApplied(sha);
  expect(stringAt(sync, "status", "lastHandledRequest")).toBe("now");
});

it.concurrent("applies a rewritten branch, and says that history was lost", async () => {
  const project = await scene.project({ files: one("first") });
  const first = await project.copy.head();
  await project.untilApplied(first);
  const lost = await project.push("Second", one("second"));
  await project.untilApplied(lost);
  await project.copy.rewind(first);
  await project.copy.write({ "deploy/app.yaml": one("other")["app.yaml"] });
  const sha = await project.copy.commit("Instead");
  await project.copy.push({ force: true });
  await project.untilApplied(sha);
  expect(await valueIn(project)).toBe("other");
  await project.untilEvent("HistoryRewritten", sha);
});

it.concurrent("refuses a rewritten branch and a moved tag where the spec says so, until exactly that commit is accepted", async () => {
  const branch = await scene.project({ files: one("first"), spec: { rewrites: "Refuse" } });
  const first = await branch.copy.head();
  await branch.copy.tag("v1", { annotated: true });
  await branch.copy.push({ ref: "v1" });
  const tag = await scene.project({ name: "tag", beside: branch, spec: { rewrites: "Refuse", ref: { tag: "v1" } } });
  await branch.untilApplied(await branch.push("Second", one("second")));
  await tag.untilApplied(first);
  await branch.copy.rewind(first);
  await branch.copy.write({ "deploy/app.yaml": one("other")["app.yaml"] });
  const sha = await branch.copy.commit("Instead");
  await branch.copy.tag("v1", { annotated: true, force: true });
  await branch.copy.push({ force: true });
  await branch.copy.push({ ref: "v1", force: true });

  for (const [project, reason, value] of [
    [branch, "HistoryRewritten", "second"],
    [tag, "TagMoved", "first"],
  ] as const) {
    const message = await project.untilReady("False", reason, sha);
    console.log(message);
    await project.untilEvent(reason, "spec.rewrites");
    // What was good before is kept in force.
    const ref = project.refTo("v1", "ConfigMap", "one");
    await scene.kube.patch(ref, { data: { value: "drifted" } });
    await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === value);
    // The way out is a command that works as told.
    const [, key = "", accepted = ""] = /(fairlead\.dev\/\S+)=([0-9a-f]{40})\b/.exec(message) ?? [];
    await scene.kube.patch(project.ref, { metadata: { annotations: { [key]: "0".repeat(40) } } });
    await project.untilReady("False", reason, sha);
    await scene.kube.patch(project.ref, { metadata: { annotations: { [key]: accepted } } });
    await project.untilApplied(sha);
  }
});
