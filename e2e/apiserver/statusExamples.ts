import type { GitSyncStatus } from "../../src/api/v1alpha1/gitsync.ts";
import type { RolloutStatus } from "../../src/api/v1alpha1/progressiverollout.ts";

const time = "2026-03-04T05:06:07Z";
const sha = "0123456789abcdef0123456789abcdef01234567";

/** A status with every member, of a sync at rest. */
export const gitSyncStatusExample = {
  observedGeneration: 1,
  conditions: [
    {
      type: "Ready",
      status: "True",
      observedGeneration: 1,
      lastTransitionTime: time,
      reason: "Applied",
      message: "All objects are applied.",
    },
  ],
  attemptedRevision: sha,
  verifiedRevision: sha,
  verifiedTag: sha,
  attemptedRef: "refs/heads/main",
  appliedRevision: sha,
  subject: "Raise the limit",
  objects: 42,
  inventory: [{ id: "apps/Deployment/shop/web", apiVersion: "apps/v1", uid: "3f9e1c1e-8f59-4f43-9d0f-7a4a8a0c0001" }],
  history: [
    {
      revision: sha,
      subject: "Raise the limit",
      author: "A Person <person@example.com>",
      outcome: "Applied",
      reason: "Applied",
      finishedAt: time,
      durationMillis: 1234,
      objects: 42,
    },
  ],
  lastHandledRequest: "1",
} as const satisfies GitSyncStatus;

/** A status of a rollout in its second step. */
export const rolloutStatusExample = {
  observedGeneration: 1,
  conditions: [
    {
      type: "Ready",
      status: "False",
      observedGeneration: 1,
      lastTransitionTime: time,
      reason: "HoldTime",
      message: "Held for another minute.",
    },
  ],
  replicas: 5,
  selector: "fairlead.dev/rollout=canary",
  step: "2/3",
  weight: 0.5,
  share: 20.1,
  rollout: {
    stage: "Stepping",
    stable: "6d4b75cb6d",
    candidate: "5f7c9d8e4a",
    step: 1,
    steps: 3,
    weight: 0.5,
    selection: { kind: "Serving" },
    replicas: 4,
    enteredAt: time,
    startedAt: time,
    waitingSince: time,
    attempt: 3,
    checks: [
      {
        name: "smoke",
        step: 1,
        run: 2,
        repeated: 1,
        state: "Running",
        begun: true,
        message: "its pod waits: ImagePullBackOff",
        since: time,
      },
    ],
    calls: [
      {
        webhook: "change-desk",
        kind: "Gate",
        event: "Step",
        revision: "5f7c9d8e4a",
        attempt: 3,
        step: 2,
        steps: 3,
        weight: 50,
        at: time,
        passed: false,
        tries: 2,
        triedAt: time,
        answer: "HTTP 503",
      },
    ],
    inPlaceAt: time,
    peak: 0.5,
    peakShare: 22,
    origin: { revision: "5f7c9d8e4a", commit: sha, author: "A Person" },
    verdicts: [
      {
        name: "errors",
        revision: "5f7c9d8e4a",
        outcome: "Pass",
        value: "99.9",
        message: "99.9 is at least 99.5",
        at: time,
        since: time,
        passes: 3,
        failures: 0,
      },
    ],
    measuredAt: time,
    passed: 25,
    previous: [{ revision: "7b8c9d0e1f", until: time }],
    rejected: [{ revision: "1a2b3c4d5e", message: "errors failed", at: time }],
  },
  history: [
    {
      revision: "6d4b75cb6d",
      commit: sha,
      author: "A Person",
      outcome: "Rejected",
      reason: "Failing",
      message: "errors is 95, below 99.5",
      startedAt: time,
      finishedAt: time,
      duration: "12m30s",
      peakWeight: 25,
      peakShare: 22.5,
    },
    // As the first version stored it.
    {
      revision: "6d4b75cb6d",
      outcome: "Promoted",
      message: "All steps passed.",
      startedAt: time,
      finishedAt: time,
      peakWeight: 100,
    },
  ],
} as const satisfies RolloutStatus;
