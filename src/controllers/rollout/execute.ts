import { at, isObject, type JsonObject, listAt } from "../../api/json.ts";
import { mergePatch } from "../../api/mergePatch.ts";
import { type Manifest, type ObjectRef, refOf } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import { GROUP, Mark, POD_DELETION_COST } from "../../api/v1alpha1/names.ts";
import type { ProgressiveRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { checkJob } from "../../core/rollout/checkJob.ts";
import { copyNames, ownerOfCopies, remembering } from "../../core/rollout/config.ts";
import { type ConfigKind, withConfigNames } from "../../core/rollout/configUses.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import {
  type Digest,
  previewService,
  RESTARTED_AT,
  revisionDeployment,
  revisionName,
  revisionService,
} from "../../core/rollout/revision.ts";
import { LEFT, overlaidSelector } from "../../core/rollout/selection.ts";
import { differs } from "../../core/sync/drift.ts";
import { type Cluster, isApiError } from "../../ports/cluster.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import type { RolloutCaches } from "./caches.ts";
import { makeCopies, removeCopies, unowned } from "./copies.ts";
import { revisionsOf } from "./observe.ts";
import { type ConfigSources, configCache, digestsOf, identityOf, templateInGit } from "./observeConfig.ts";
import type { Observed } from "./reconcile.ts";
import type { RouteWriter } from "./routeWriter.ts";

/** Of the pods of a ReplicaSet, those that have left the Service go first. */
const FIRST_TO_GO = "-1000";

/** Runs effects against the cluster and keeps their answers in the caches. */
export class Executor {
  readonly #cluster: Cluster;
  readonly #caches: RolloutCaches;
  readonly #digest: Digest;
  readonly #routes: RouteWriter;

  constructor(cluster: Cluster, caches: RolloutCaches, digest: Digest, routes: RouteWriter) {
    this.#cluster = cluster;
    this.#caches = caches;
    this.#digest = digest;
    this.#routes = routes;
  }

  async run(observed: Observed, effect: Effect, signal: AbortSignal): Promise<void> {
    const { rollout } = observed;
    const { namespace = "", name } = rollout.object.metadata;
    const { deployments, services, pods, rollouts } = this.#caches;
    // The status of this very look may have been stored since.
    const current = rollouts.get(`${namespace}/${name}`) ?? rollout.object;
    const workload = deployments.get(`${namespace}/${rollout.spec.workloadRef.name}`);
    const service = services.get(`${namespace}/${rollout.spec.serviceRef.name}`);
    const revision = (hash: string) =>
      revisionsOf(this.#caches, namespace, name).find(({ metadata }) => metadata.labels?.[Mark.revision] === hash);

    switch (effect.do) {
      case "CreateRevision":
        if (workload === undefined || service === undefined) return;
        return this.#create(observed, { workload, service, hash: effect.revision, replicas: effect.replicas }, signal);
      case "ScaleRevision":
        return this.#patch(deployments, revision(effect.revision), { spec: { replicas: effect.replicas } }, signal);
      case "RestartRevision": {
        const template = { metadata: { annotations: { [RESTARTED_AT]: effect.at } } };
        return this.#patch(deployments, revision(effect.revision), { spec: { template } }, signal);
      }
      case "RemoveRevision":
        return this.#dismantle(observed, effect.revision, revision(effect.revision), signal);
      case "OwnCopies": {
        const made = revision(effect.revision);
        if (made === undefined) return;
        const patch = { metadata: { ownerReferences: [ownerOfCopies(made)] } };
        for (const copy of unowned(this.#caches, made)) {
          const cache = configCache(this.#caches, copy.kind as ConfigKind);
          if (cache !== undefined) await this.#patch(cache, copy, patch, signal);
        }
        return;
      }
      case "ScaleWorkload":
        return this.#patch(deployments, workload, { spec: { replicas: effect.replicas } }, signal);
      case "RestoreTemplate": {
        const template = mergePatch(templateOf(workload), withoutMarks(inGit(revision(effect.revision))));
        if (template !== undefined)
          await this.#patch(deployments, workload, { spec: { template } }, signal, "Conditional");
        return;
      }
      case "Select": {
        const live = at(service, "spec", "selector");
        const before = isObject(live) ? live : {};
        const selector = mergePatch(before, overlaidSelector(before as Record<string, string>, effect.selection));
        if (selector !== undefined) await this.#patch(services, service, { spec: { selector } }, signal, "Conditional");
        return;
      }
      case "MarkPod": {
        const cost = effect.serving === LEFT ? FIRST_TO_GO : null;
        const metadata = {
          uid: effect.uid,
          labels: { [Mark.serving]: effect.serving },
          annotations: { [POD_DELETION_COST]: cost },
        };
        return this.#patch(pods, pods.get(`${namespace}/${effect.pod}`), { metadata }, signal);
      }
      case "Route":
        return this.#routes.write(observed, effect, signal);
      case "Preview": {
        if (service === undefined) return;
        const parts = { name: effect.service, rollout: name, hash: effect.revision };
        await this.#apply(services, previewService(service, parts), signal);
        return;
      }
      case "RemovePreview":
        return this.#remove(services.get(`${namespace}/${effect.service}`), signal);
      case "RunCheck":
        return this.#check(observed, effect, signal);
      case "RemoveJob":
        return this.#remove(this.#caches.jobs.get(`${namespace}/${effect.job}`), signal);
      case "BeginScale":
        return this.#patch(rollouts, current, { spec: { replicas: effect.replicas } }, signal, "Conditional");
      case "Release": {
        const finalizers = (current.metadata.finalizers ?? []).filter((one) => one !== Mark.finalizer);
        return this.#patch(rollouts, current, { metadata: { finalizers } }, signal, "Conditional");
      }
    }
  }

  /** Copies of the configuration first, then the Service, then what uses them. */
  async #create({ rollout, seen }: Observed, made: Making, signal: AbortSignal): Promise<void> {
    const { workload, service, hash, replicas } = made;
    const { name } = rollout.object.metadata;
    const sources = this.#sources(rollout);
    // The template or its configuration may have moved on since the decision: a revision never runs another one's.
    if (seen.workload?.target !== hash || seen.workload.identity !== identityOf(sources, workload)) return;
    const digests = digestsOf(sources, workload);
    if (!(await makeCopies(this.#cluster, sources, { workload, rollout: name, hash, digests }, signal))) return;
    // A Service without ports, a headless one, has nothing that a copy could carry.
    const copy = revisionService(service, workload.metadata.name, name, hash);
    if (listAt(copy, "spec", "ports").length > 0) await this.#ensure(this.#caches.services, copy, signal);
    const template = withConfigNames(at(workload, "spec", "template"), copyNames(digests, hash));
    const config = Object.keys(digests).length === 0 ? {} : { config: remembering(digests) };
    const deployment = revisionDeployment(workload, { rollout: name, hash, replicas, template, ...config });
    await this.#apply(this.#caches.deployments, deployment, signal);
  }

  async #check({ rollout }: Observed, { check: name, run, revision }: CheckRun, signal: AbortSignal): Promise<void> {
    const { namespace = "" } = rollout.object.metadata;
    const { checks, workloadRef } = rollout.spec;
    const check = checks.find((one) => one.name === name);
    if (check === undefined) return;
    const { cronJobRef, timeout } = check;
    const cronJob = this.#caches.cronJob(namespace, cronJobRef.name).get(`${namespace}/${cronJobRef.name}`);
    if (cronJob === undefined) return;
    const service = revisionName(workloadRef.name, revision);
    const parts = { rollout: rollout.object, check: name, run, timeoutMs: durationMs(timeout), revision, service };
    await this.#apply(this.#caches.jobs, checkJob(cronJob, parts, this.#digest), signal);
  }

  /** The Deployment goes last: as long as it is there, it tells what else is to be removed. */
  async #dismantle(
    { rollout }: Observed,
    hash: string,
    revision: Manifest | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = "" } = rollout.object.metadata;
    const service = this.#caches.services.get(`${namespace}/${revisionName(rollout.spec.workloadRef.name, hash)}`);
    await this.#remove(service, signal);
    if (revision === undefined) return;
    await removeCopies(this.#caches, revision, (copy) => this.#remove(copy, signal));
    await this.#remove(revision, signal);
  }

  #sources({ spec }: ProgressiveRollout): ConfigSources {
    return { caches: this.#caches, spec };
  }

  /** Applies it unless it is there as it would be: an effect of several writes that is begun anew goes on where it ended. */
  async #ensure(cache: ObjectCache, object: Manifest, signal: AbortSignal): Promise<void> {
    // A cache may still have the one that was removed with the same revision.
    const live = await this.#cluster.get(refOf(object), signal);
    const isThere = live !== undefined && live.metadata.deletionTimestamp === undefined;
    if (!isThere || differs(object, object, live) !== undefined) await this.#apply(cache, object, signal);
  }

  async #apply(cache: ObjectCache, object: Manifest, signal: AbortSignal): Promise<void> {
    cache.put(await this.#cluster.apply(object, {}, signal));
  }

  /** Patches an object that may be gone by now: then there is nothing left to do. "Conditional": only as it was seen. */
  async #patch(
    cache: ObjectCache,
    object: Manifest | undefined,
    patch: JsonObject,
    signal: AbortSignal,
    mode?: "Conditional",
  ): Promise<void> {
    if (object === undefined) return;
    const { resourceVersion } = object.metadata;
    const metadata = isObject(patch["metadata"]) ? patch["metadata"] : {};
    const sent = mode === undefined ? patch : { ...patch, metadata: { ...metadata, resourceVersion } };
    try {
      cache.put(await this.#cluster.patch(refOf(object), sent, {}, signal));
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }

  async #remove(object: Manifest | undefined, signal: AbortSignal): Promise<void> {
    const uid = object?.metadata.uid;
    if (object === undefined || uid === undefined || object.metadata.deletionTimestamp !== undefined) return;
    await this.#cluster.remove(refOf(object) satisfies ObjectRef, { uid }, signal);
  }
}

type CheckRun = Extract<Effect, { do: "RunCheck" }>;

/** What a revision is made from. */
interface Making {
  readonly workload: Manifest;
  readonly service: Manifest;
  readonly hash: string;
  readonly replicas: number;
}

function inGit(revision: Manifest | undefined): JsonObject {
  const template = revision === undefined ? undefined : templateInGit(revision);
  return isObject(template) ? template : {};
}

function templateOf(deployment: Manifest | undefined): JsonObject {
  const template = at(deployment, "spec", "template");
  return isObject(template) ? template : {};
}

function withoutMarks(template: JsonObject): JsonObject {
  const metadata = isObject(template["metadata"]) ? template["metadata"] : {};
  const labels = isObject(metadata["labels"]) ? metadata["labels"] : {};
  const kept = Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(`${GROUP}/`)));
  return { ...template, metadata: { ...metadata, labels: kept } };
}
