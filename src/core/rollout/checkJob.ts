import { at, isObject, type Json, type JsonObject, listAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { API_VERSION, Mark } from "../../api/v1alpha1/names.ts";
import type { Digest } from "./revision.ts";

/** What a check's Job is made from. */
export interface CheckJobParts {
  readonly rollout: Manifest;
  readonly check: string;
  /** Names the run. */
  readonly run: string;
  readonly timeoutMs: number;
  readonly revision: string;
  /** The revision's own Service. */
  readonly service: string;
}

/**
 * The Job of one run, as `kubectl create job --from` makes it, with the candidate's address in the environment of each
 * container. Its name follows from the run, so that a run that is started twice is one Job.
 */
export function checkJob(cronJob: Manifest, parts: CheckJobParts, digest: Digest): Manifest {
  const { rollout, check, run, timeoutMs, revision, service } = parts;
  const { name, namespace = "", uid = "" } = rollout.metadata;
  // Kubernetes' own clean-up may come before anybody has looked at the result.
  const { ttlSecondsAfterFinished: _ttl, ...spec } = objectAt(cronJob, "spec", "jobTemplate", "spec");
  const template = objectAt(spec, "template");
  const pod = objectAt(template, "spec");
  const metadata = objectAt(template, "metadata");
  const labels = { ...objectAt(metadata, "labels"), [Mark.check]: name };
  const env = { FAIRLEAD_REVISION: revision, FAIRLEAD_SERVICE: service };
  const owner = { apiVersion: API_VERSION, kind: "ProgressiveRollout", name, uid, controller: true };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(name, check, `${uid}/${run}`, digest),
      namespace,
      labels: { [Mark.check]: name },
      annotations: { [Mark.checkRun]: run },
      ownerReferences: [owner],
    },
    spec: {
      ...spec,
      activeDeadlineSeconds: Math.max(1, Math.ceil(timeoutMs / 1_000)),
      template: {
        ...template,
        metadata: { ...metadata, labels },
        spec: {
          ...pod,
          // A container that is started again in its pod leaves no trace of how it ended.
          restartPolicy: "Never",
          containers: listAt(pod, "containers").map((one) => withEnv(one, env)),
          ...(pod["initContainers"] === undefined
            ? {}
            : { initContainers: listAt(pod, "initContainers").map((one) => withEnv(one, env)) }),
        },
      },
    },
  };
}

/** As long as a label may be, and another one for each run. */
function jobName(rollout: string, check: string, id: string, digest: Digest): string {
  const suffix = Array.from(digest(id).slice(0, 5), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${`${rollout}-${check}`.slice(0, 52).replace(/[-.]+$/, "")}-${suffix}`;
}

function withEnv(container: Json, added: Readonly<Record<string, string>>): Json {
  if (!isObject(container)) return container;
  const kept = listAt(container, "env").filter((one) => !(isObject(one) && String(one["name"]) in added));
  return { ...container, env: [...kept, ...Object.entries(added).map(([name, value]) => ({ name, value }))] };
}

function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}
