import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { checkJob } from "./checkJob.ts";

const digest = (text: string) => createHash("sha256").update(text).digest();
const rollout: Manifest = {
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "ProgressiveRollout",
  metadata: { name: "web", namespace: "shop", uid: "u1" },
};
const cronJob: Manifest = {
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name: "smoke", namespace: "shop" },
  spec: {
    suspend: true,
    jobTemplate: {
      spec: {
        backoffLimit: 2,
        ttlSecondsAfterFinished: 1,
        futureField: "kept",
        template: {
          metadata: { labels: { tests: "web" } },
          spec: {
            serviceAccountName: "tester",
            restartPolicy: "OnFailure",
            initContainers: [{ name: "wait" }],
            containers: [
              {
                name: "test",
                env: [
                  { name: "FAIRLEAD_SERVICE", value: "mine" },
                  { name: "A", value: "b" },
                ],
              },
            ],
          },
        },
      },
    },
  },
};
const parts = { rollout, check: "smoke", run: "smoke/v2/1/0/1", timeoutMs: 1_500, revision: "v2", service: "web-v2" };

test("is the CronJob's Job with the candidate's address, its own marks, and nothing else changed", () => {
  const added = [
    { name: "FAIRLEAD_REVISION", value: "v2" },
    { name: "FAIRLEAD_SERVICE", value: "web-v2" },
  ];
  expect(checkJob(cronJob, parts, digest)).toEqual({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: expect.stringMatching(/^web-smoke-[0-9a-f]{10}$/),
      namespace: "shop",
      labels: { "fairlead.dev/check": "web" },
      annotations: { "fairlead.dev/check-run": "smoke/v2/1/0/1" },
      ownerReferences: [
        { apiVersion: "fairlead.dev/v1alpha1", kind: "ProgressiveRollout", name: "web", uid: "u1", controller: true },
      ],
    },
    spec: {
      backoffLimit: 2,
      futureField: "kept",
      activeDeadlineSeconds: 2,
      template: {
        metadata: { labels: { tests: "web", "fairlead.dev/check": "web" } },
        spec: {
          serviceAccountName: "tester",
          restartPolicy: "Never",
          initContainers: [{ name: "wait", env: added }],
          containers: [{ name: "test", env: [{ name: "A", value: "b" }, ...added] }],
        },
      },
    },
  });
});

test("has one name for one run, another for another one, and never a longer one than a label", () => {
  const name = (change: Partial<typeof parts> = {}) => checkJob(cronJob, { ...parts, ...change }, digest).metadata.name;
  expect(name()).toBe(name({ timeoutMs: 9_000 }));
  expect(name({ run: "smoke/v2/1/0/2" })).not.toBe(name());
  const long = { ...rollout, metadata: { ...rollout.metadata, name: "a".repeat(51) } };
  expect(name({ rollout: long }).length).toBeLessThanOrEqual(63);
  expect(name({ rollout: long })).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
});
