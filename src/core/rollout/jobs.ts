import { at, isObject, type Json, listAt, numberAt, stringAt } from "../../api/json.ts";
import { clip, oneLine } from "../status/text.ts";
import type { JobSeen } from "./checks.ts";

/** Exit codes of programs that were killed: they say nothing of what was tested. */
const KILLED: ReadonlySet<number> = new Set([137, 143]);

/**
 * What a Job has come to, by its conditions and its pods. Only a Job that is Complete has passed, and only a program that
 * ended by itself with another code than 0 has failed: all else has come to nothing.
 */
export function readJob(job: Json, pods: readonly Json[]): Pick<JobSeen, "state" | "message"> {
  const conditions = listAt(job, "status", "conditions").filter((one) => stringAt(one, "status") === "True");
  const complete = conditions.some((one) => stringAt(one, "type") === "Complete");
  if (complete) return { state: "Passed", message: lastWords(pods) };
  const failed = conditions.find((one) => stringAt(one, "type") === "Failed");
  if (failed === undefined) return { state: "Running", message: pods.map(waitsFor).find((text) => text !== "") ?? "" };
  const reason = stringAt(failed, "reason") ?? "Failed";
  const ends = pods.filter((pod) => !isDisrupted(pod)).flatMap(terminated);
  const wrong = ends.find(({ exitCode }) => exitCode !== 0 && !KILLED.has(exitCode));
  if (wrong === undefined || reason === "DeadlineExceeded") {
    const waits = pods.map(waitsFor).find((text) => text !== "");
    return { state: "Lost", message: waits === undefined ? `the Job ended with ${reason}` : `${waits} (${reason})` };
  }
  const words = clean(wrong.message);
  return {
    state: "Failed",
    message: words === "" ? `exit code ${wrong.exitCode}` : `${words} (exit code ${wrong.exitCode})`,
  };
}

/** The termination message of a pod that ended well. */
function lastWords(pods: readonly Json[]): string {
  return clean(pods.flatMap(terminated).find(({ exitCode }) => exitCode === 0)?.message ?? "");
}

function terminated(pod: Json): readonly { readonly exitCode: number; readonly message: string }[] {
  return listAt(pod, "status", "containerStatuses").flatMap((one) => {
    const exitCode = numberAt(one, "state", "terminated", "exitCode");
    return exitCode === undefined ? [] : [{ exitCode, message: stringAt(one, "state", "terminated", "message") ?? "" }];
  });
}

/** Why a pod does not run, in the words of Kubernetes. */
function waitsFor(pod: Json): string {
  const waiting = listAt(pod, "status", "containerStatuses").map((one) => at(one, "state", "waiting"));
  const [reason] = waiting.filter(isObject).map((one) => stringAt(one, "reason") ?? "");
  return reason === undefined || reason === "" ? "" : `its pod waits: ${reason}`;
}

/** Evicted, preempted or drained. */
function isDisrupted(pod: Json): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => stringAt(one, "type") === "DisruptionTarget" && stringAt(one, "status") === "True",
  );
}

function clean(text: string): string {
  return clip(oneLine(text), 250);
}
