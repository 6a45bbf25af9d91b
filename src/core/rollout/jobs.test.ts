import { expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { readJob } from "./jobs.ts";

function job(type?: string, reason?: string): Json {
  return { status: { conditions: type === undefined ? [] : [{ type, status: "True", reason: reason ?? "x" }] } };
}

function ended(exitCode: number, message = ""): Json {
  return { status: { conditions: [], containerStatuses: [{ state: { terminated: { exitCode, message } } }] } };
}

const waiting: Json = { status: { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] } };
const running: Json = { status: { containerStatuses: [{ state: { running: {} } }] } };
const evicted: Json = {
  status: {
    conditions: [{ type: "DisruptionTarget", status: "True" }],
    containerStatuses: [{ state: { terminated: { exitCode: 1, message: "" } } }],
  },
};

test.each<[string, Json, readonly Json[], string, string]>([
  ["has not begun", job(), [], "Running", ""],
  ["runs", job(), [running], "Running", ""],
  ["waits for its image", job(), [waiting], "Running", "its pod waits: ImagePullBackOff"],
  ["is complete", job("Complete"), [ended(0, "40 tests")], "Passed", "40 tests"],
  ["is about to be complete", job("SuccessCriteriaMet"), [ended(0)], "Running", ""],
  [
    "failed",
    job("Failed", "BackoffLimitExceeded"),
    [ended(0), ended(3, "2 of 40\n\u001b[31mtests")],
    "Failed",
    "2 of 40 [31mtests (exit code 3)",
  ],
  ["failed without a word", job("Failed", "BackoffLimitExceeded"), [ended(1)], "Failed", "exit code 1"],
  [
    "has no pod left to ask",
    job("Failed", "BackoffLimitExceeded"),
    [],
    "Lost",
    "the Job ended with BackoffLimitExceeded",
  ],
  [
    "was killed",
    job("Failed", "BackoffLimitExceeded"),
    [ended(137)],
    "Lost",
    "the Job ended with BackoffLimitExceeded",
  ],
  ["was evicted", job("Failed", "BackoffLimitExceeded"), [evicted], "Lost", "the Job ended with BackoffLimitExceeded"],
  [
    "never got its image",
    job("Failed", "DeadlineExceeded"),
    [waiting],
    "Lost",
    "its pod waits: ImagePullBackOff (DeadlineExceeded)",
  ],
  ["took too long", job("Failed", "DeadlineExceeded"), [ended(1)], "Lost", "the Job ended with DeadlineExceeded"],
])("P16: a Job that %s", (_what, one, pods, state, message) => {
  expect(readJob(one, pods)).toEqual({ state, message });
});
