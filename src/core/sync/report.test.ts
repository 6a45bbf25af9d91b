import { expect, test } from "vitest";
import type { GitSyncStatus } from "../../api/v1alpha1/gitsync.ts";
import { gitSyncStatus } from "../../api/v1alpha1/gitsyncStatus.ts";
import { REASONS } from "../../api/v1alpha1/reasons.ts";
import type { Attempt, Failure, SyncOutcome } from "./outcome.ts";
import { onlyProgress, onlyRenamed, type SyncReport, syncStatus } from "./report.ts";

const NOW = "2026-01-01T00:00:00Z";
const LATER = "2026-01-01T00:05:00Z";
const attempt: Attempt = { revision: "a1b2c3d4".repeat(5), subject: "Sell boats", author: "Ann", durationMillis: 1200 };
const former: GitSyncStatus = {
  appliedRevision: "f0f0f0f0".repeat(5),
  objects: 9,
  inventory: [{ id: "/A/n/a", apiVersion: "v1" }],
};
const web = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
const at = (line: number) => ({ file: "deploy/web.yaml", line, column: 3 });
const failure = (reason: Failure["reason"], message: string, line?: number): Failure => ({
  ref: web,
  reason,
  message,
  ...(line === undefined ? {} : { position: at(line) }),
});
const failedBy = (...failures: readonly Failure[]): SyncOutcome => ({ kind: "Failed", attempt, objects: 3, failures });
const project = (outcome: SyncOutcome, rest: Partial<SyncReport> = {}) =>
  syncStatus({ before: former, generation: 4, now: NOW, outcome, ...rest });
/** The conditions as lines, Ready with its message. */
const said = ({ conditions = [] }: GitSyncStatus) => [
  ...conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  conditions[0]?.message,
];

const applied: SyncOutcome = { kind: "Applied", attempt, objects: 3, notes: [] };
const progressing: SyncOutcome = {
  kind: "Progressing",
  attempt,
  applied: 2,
  objects: 3,
  waiting: [{ ref: web, position: at(3), message: "not all of its 3 pods are ready" }],
};
const held: SyncOutcome = { kind: "PruneHeld", attempt, objects: 3, message: "The deletion of everything is held." };
const refused: SyncOutcome = {
  kind: "Refused",
  attempt,
  problems: [
    {
      reason: "DuplicateObject",
      position: at(9),
      message: "Deployment shop/web is declared here and at a.yaml:1:1; remove one of the two",
    },
  ],
};
const unreachable: SyncOutcome = {
  kind: "GitFailed",
  reason: "HostUnreachable",
  message: "git.example.com does not answer; it is tried again",
};
const refusedKey: SyncOutcome = {
  kind: "GitFailed",
  reason: "AuthFailed",
  message: "git.example.com refuses the credentials; check Secret shop-git.",
};

test.each<[string, SyncOutcome, readonly string[]]>([
  [
    "suspended",
    { kind: "Suspended" },
    ["Ready=False Suspended", "spec.suspend is set, so nothing is applied or corrected; set it to false to go on."],
  ],
  [
    "an invalid spec",
    { kind: "InvalidSpec", message: "spec.interval is no duration" },
    ["Ready=False InvalidSpec", "Stalled=True InvalidSpec", "spec.interval is no duration."],
  ],
  [
    "a Git host that may come back",
    unreachable,
    [
      "Ready=False HostUnreachable",
      "Reconciling=True HostUnreachable",
      "git.example.com does not answer; it is tried again. Revision f0f0f0f0 stays in place.",
    ],
  ],
  [
    "a Git host that needs a person",
    refusedKey,
    [
      "Ready=False AuthFailed",
      "Stalled=True AuthFailed",
      "git.example.com refuses the credentials; check Secret shop-git. Revision f0f0f0f0 stays in place.",
    ],
  ],
  [
    "broken files",
    {
      kind: "RenderFailed",
      attempt,
      problems: [{ reason: "InvalidYAML", position: at(2), message: "a tab indents the line; use spaces." }],
    },
    [
      "Ready=False InvalidYAML",
      "Stalled=True InvalidYAML",
      "Nothing of a1b2c3d4 is applied: deploy/web.yaml:2:3: a tab indents the line; use spaces. Revision f0f0f0f0 stays in place.",
    ],
  ],
  [
    "a refused set",
    refused,
    [
      "Ready=False DuplicateObject",
      "Stalled=True DuplicateObject",
      "Nothing of a1b2c3d4 is applied: deploy/web.yaml:9:3: Deployment shop/web is declared here and at a.yaml:1:1; remove one of the two. Revision f0f0f0f0 stays in place.",
    ],
  ],
  [
    "on its way",
    progressing,
    [
      "Ready=Unknown Progressing",
      "Reconciling=True Progressing",
      "2 of 3 objects of a1b2c3d4 are applied; waiting for deploy/web.yaml:3:3: Deployment shop/web: not all of its 3 pods are ready.",
    ],
  ],
  [
    "an object that the server refused",
    failedBy(failure("ApplyFailed", "was refused: spec.replicas is negative", 12)),
    [
      "Ready=False ApplyFailed",
      "Stalled=True ApplyFailed",
      "a1b2c3d4 is not in place: deploy/web.yaml:12:3: Deployment shop/web was refused: spec.replicas is negative; correct the manifest and push.",
    ],
  ],
  [
    "an object whose kind is unknown",
    failedBy(failure("UnknownKind", "has a kind that the API server does not serve", 1)),
    [
      "Ready=False UnknownKind",
      "Reconciling=True UnknownKind",
      "a1b2c3d4 is not in place: deploy/web.yaml:1:3: Deployment shop/web has a kind that the API server does not serve; install what brings the kind; the other objects are applied.",
    ],
  ],
  [
    "a failed object without a place",
    failedBy(failure("Unhealthy", "has failed")),
    [
      "Ready=False Unhealthy",
      "Stalled=True Unhealthy",
      "a1b2c3d4 is not in place: Deployment shop/web has failed; correct or revert the commit.",
    ],
  ],
  ["a held deletion", held, ["Ready=False PruneHeld", "Stalled=True PruneHeld", "The deletion of everything is held."]],
  ["applied", applied, ["Ready=True Applied", "Revision a1b2c3d4 is applied, and its 3 objects are healthy."]],
  [
    "applied with a note",
    { ...applied, objects: 1, notes: ["Secret shop/s is being deleted."] },
    [
      "Ready=True Applied",
      "Revision a1b2c3d4 is applied, and its 1 object is healthy; Secret shop/s is being deleted.",
    ],
  ],
])("%s", (_sentence, outcome, lines) => {
  const status = project(outcome);
  expect(said(status)).toEqual(lines);
  expect(() => gitSyncStatus.parse(status)).not.toThrow();
});

test("names the worst failure first, five of them, and counts the rest", () => {
  const unknown = Array.from({ length: 6 }, (_, i) => failure("UnknownKind", "is unknown", i + 1));
  const status = project(failedBy(...unknown, failure("Forbidden", "may not be written", 99)));
  expect(said(status)[0]).toBe("Ready=False Forbidden");
  expect(said(status).at(-1)).toMatch(
    /^a1b2c3d4 is not in place: deploy\/web.yaml:99:3: .*:4:3: .*; and 2 more; grant/,
  );
});

test.each([
  ["suspending", { kind: "Suspended" } satisfies SyncOutcome, undefined, former.appliedRevision],
  ["a Git failure", unreachable, undefined, former.appliedRevision],
  ["a refusal", refused, attempt.revision, former.appliedRevision],
  ["progress", progressing, attempt.revision, former.appliedRevision],
  ["a failure", failedBy(failure("ApplyFailed", "x")), attempt.revision, former.appliedRevision],
  ["a held deletion", held, attempt.revision, former.appliedRevision],
  ["success", applied, attempt.revision, attempt.revision],
])("the revisions after %s", (_sentence, outcome, attempted, whole) => {
  const status = project(outcome);
  expect([status.attemptedRevision, status.appliedRevision]).toEqual([attempted, whole]);
  expect(status.objects).toBe(outcome === applied ? 3 : 9);
});

test.each([
  ["success", applied, ["Applied Applied 3"]],
  ["a held deletion", held, ["Applied PruneHeld 3"]],
  ["a failure", failedBy(failure("Forbidden", "x")), ["Failed Forbidden 3"]],
  ["a refusal", refused, ["Failed DuplicateObject 0"]],
  ["progress", progressing, undefined],
  ["a Git failure", unreachable, undefined],
])("the history after %s", (_sentence, outcome, lines) => {
  const { history } = project(outcome);
  expect(history?.map((entry) => `${entry.outcome} ${entry.reason} ${entry.objects}`)).toEqual(lines);
});

test.each([applied, progressing, held, refused, unreachable, failedBy(failure("ApplyFailed", "x"))])(
  "the same pass again changes nothing: $kind",
  (outcome) => {
    const once = project(outcome);
    expect(project(outcome, { before: once, now: LATER })).toEqual(once);
  },
);

test("keeps the inventory unless the pass has another", () => {
  expect(project(applied).inventory).toEqual(former.inventory);
  expect(project(applied, { inventory: [] }).inventory).toEqual([]);
});

test("echoes the request that it answered, and keeps the former one", () => {
  const status = project(applied, { handledRequest: "r1" });
  expect(status.lastHandledRequest).toBe("r1");
  expect(project(applied, { before: status }).lastHandledRequest).toBe("r1");
});

test("what a commit says is one clipped line", () => {
  const status = project({ ...applied, attempt: { ...attempt, subject: `x\u001b[31m\n${"y".repeat(300)}` } });
  expect(status.subject).toMatch(/^x \[31m y+…$/);
  expect(status.subject).toHaveLength(200);
});

test("only progress is what moves within the same commit: the count, the waits, and uids", () => {
  const entry = { id: "/ConfigMap/shop/a", apiVersion: "v1" };
  const begun = project({ ...progressing, applied: 0, waiting: [] }, { inventory: [entry] });
  const after = (outcome: SyncOutcome, more: Partial<SyncReport> = {}) =>
    onlyProgress(begun, project(outcome, { before: begun, inventory: [entry], ...more }));
  expect(after(progressing)).toBe(true);
  expect(after(progressing, { inventory: [{ ...entry, uid: "1" }] })).toBe(true);
  expect(after(progressing, { inventory: [entry, { ...entry, id: "/ConfigMap/shop/b" }] })).toBe(false);
  expect(after(progressing, { handledRequest: "r1" })).toBe(false);
  expect(after({ ...progressing, attempt: { ...attempt, revision: "2".repeat(40) } })).toBe(false);
  expect(after(applied)).toBe(false);
});

const hold = {
  reason: "DependencyNotReady",
  message: "GitSync shop/base is not ready; it goes on when it is",
} as const;

test.each<[string, SyncOutcome, readonly string[]]>([
  ["an object that waits", progressing, ["a1b2c3d4", "deploy/web.yaml:3:3", "Deployment shop/web"]],
  [
    "an object that the API server refused",
    failedBy(failure("ApplyFailed", "was refused: spec.replicas: Invalid value: -1", 9)),
    ["a1b2c3d4", "deploy/web.yaml:9:3", "Deployment shop/web", "spec.replicas", "correct the manifest"],
  ],
  ["an object that has failed", failedBy(failure("Unhealthy", "is stuck", 9)), ["a1b2c3d4", "deploy/web.yaml:9:3"]],
  ["a set that is refused", refused, ["a1b2c3d4", "deploy/web.yaml:9:3", "remove one of the two"]],
  [
    "a commit that waits for another sync",
    { kind: "Held", stalled: false, revision: attempt.revision, ...hold },
    ["a1b2c3d4", "GitSync shop/base"],
  ],
])("what is not ready is told with its commit, file, object and way out: %s", (_sentence, outcome, says) => {
  const [ready, moving] = project(outcome).conditions ?? [];
  expect(ready).toMatchObject({ type: "Ready", status: expect.stringMatching(/^(False|Unknown)$/) });
  for (const part of says) expect(ready?.message).toContain(part);
  expect(Object.keys(REASONS)).toContain(ready?.reason);
  expect(moving).toMatchObject({ status: "True", reason: ready?.reason, message: ready?.message });
});

test("a commit that waits for another sync is no failure, one that a person must let go on is", () => {
  expect(said(project({ kind: "Held", stalled: false, ...hold })).slice(0, 2)).toEqual([
    "Ready=Unknown DependencyNotReady",
    "Reconciling=True DependencyNotReady",
  ]);
  expect(said(project({ kind: "Held", ...hold, stalled: true, reason: "DependencyCycle" })).slice(0, 2)).toEqual([
    "Ready=False DependencyCycle",
    "Stalled=True DependencyCycle",
  ]);
});

test("only renamed is what is applied under another commit, with nothing else to tell", () => {
  const before = project(applied);
  const next = { ...applied, attempt: { ...attempt, revision: "2".repeat(40), subject: "Another app" } };
  const renamed = (outcome: SyncOutcome, more: Partial<SyncReport> = {}) =>
    onlyRenamed(before, project(outcome, { before, ...more }));
  expect(renamed(next)).toBe(true);
  expect(renamed({ ...next, notes: ["a sentence more"] })).toBe(true);
  expect(renamed(next, { handledRequest: "r1" })).toBe(false);
  expect(renamed(next, { inventory: [] })).toBe(false);
  expect(renamed(next, { generation: 99 })).toBe(false);
  expect(renamed(progressing)).toBe(false);
});
