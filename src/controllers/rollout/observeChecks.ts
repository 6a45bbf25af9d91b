import { at, isObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { ProgressiveRollout } from "../../api/v1alpha1/progressiverollout.ts";
import type { JobSeen } from "../../core/rollout/checks.ts";
import { readJob } from "../../core/rollout/jobs.ts";
import { baseSelector, matches } from "../../core/rollout/selection.ts";
import type { RolloutCaches } from "./caches.ts";

/** Label by which pods name their Job. */
const JOB_NAME = "batch.kubernetes.io/job-name";

/** The Jobs of a rollout's checks. */
export function jobsOf(caches: RolloutCaches, namespace: string, rollout: string): readonly JobSeen[] {
  const jobs = caches.jobs.list(namespace).filter(({ metadata }) => metadata.labels?.[Mark.check] === rollout);
  if (jobs.length === 0) return [];
  const pods = caches.pods.list(namespace).filter(({ metadata }) => metadata.labels?.[Mark.check] === rollout);
  return jobs.map((job) => {
    const { name, annotations, creationTimestamp = "" } = job.metadata;
    const own = pods.filter(({ metadata }) => metadata.labels?.[JOB_NAME] === name);
    return { name, run: annotations?.[Mark.checkRun] ?? "", createdAt: creationTimestamp, ...readJob(job, own) };
  });
}

/** Why checks cannot run, by their names. */
export function unfitChecks(
  caches: RolloutCaches,
  { object, spec }: ProgressiveRollout,
  workload: Manifest | undefined,
  service: Manifest | undefined,
): ReadonlyMap<string, string> {
  const namespace = object.metadata.namespace ?? "";
  const callers = at(service, "spec", "selector");
  const own = at(workload, "spec", "selector", "matchLabels");
  const selectors = [
    isObject(callers) ? baseSelector(callers as Record<string, string>) : {},
    isObject(own) ? own : {},
  ];
  return new Map(
    spec.checks.flatMap(({ name, cronJobRef }) => {
      const cronJob = caches.cronJob(namespace, cronJobRef.name).get(`${namespace}/${cronJobRef.name}`);
      const why = unfitness(cronJob, cronJobRef.name, selectors as readonly Record<string, string>[]);
      return why === undefined ? [] : [[name, why] as const];
    }),
  );
}

function unfitness(
  cronJob: Manifest | undefined,
  name: string,
  selectors: readonly Readonly<Record<string, string>>[],
): string | undefined {
  if (cronJob === undefined) return `there is no CronJob ${name}`;
  if (at(cronJob, "spec", "suspend") !== true) return `CronJob ${name} is not suspended, so it runs by itself too`;
  const labels = at(cronJob, "spec", "jobTemplate", "spec", "template", "metadata", "labels");
  const taken = selectors.some((selector) =>
    matches(selector, isObject(labels) ? (labels as Record<string, string>) : {}),
  );
  return taken ? `pods of CronJob ${name} have the labels of those that it is to test` : undefined;
}
