import { at, type Json, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutSpec } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "../../core/rollout/because.ts";
import {
  ABSENT,
  type ConfigDigests,
  isShared,
  originalNames,
  rememberedDigests,
  revisionIdentity,
} from "../../core/rollout/config.ts";
import {
  type ConfigKind,
  type ConfigUse,
  configKey,
  configUses,
  withConfigNames,
} from "../../core/rollout/configUses.ts";
import { type Digest, type KnownRevision, resolveRevision } from "../../core/rollout/revision.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import type { RolloutCaches } from "./caches.ts";

/** Identities are costly for large templates; cached objects are shared and never change. */
const identities = new WeakMap<Manifest, string>();

/** Where the configuration of a rollout's pods is looked up, and how much of it is part of a revision. */
export interface ConfigSources {
  readonly caches: RolloutCaches;
  readonly spec: Pick<RolloutSpec, "config">;
}

/** The cache that holds the digests of a kind; undefined where the operator may not copy it. */
export function configCache(caches: RolloutCaches, kind: ConfigKind): ObjectCache | undefined {
  return kind === "Secret" ? caches.secrets : caches.configMaps;
}

/** What of a template's configuration is a part of its revision: not what all pods share on purpose, and Secrets where asked. */
function ownUses(
  { caches, spec }: ConfigSources,
  workload: Manifest,
): readonly (ConfigUse & { readonly live: Manifest | undefined })[] {
  const { namespace = "" } = workload.metadata;
  return configUses(at(workload, "spec", "template")).flatMap((use) => {
    const cache = configCache(caches, use.kind);
    if (cache === undefined || (use.kind === "Secret" && spec.config.secrets === "Exclude")) return [];
    const live = cache.get(`${namespace}/${use.name}`);
    return isShared(use.kind, use.name, live) ? [] : [{ ...use, live }];
  });
}

/** Digests of what a template takes data from, as it is now. */
export function digestsOf(sources: ConfigSources, workload: Manifest): ConfigDigests {
  return Object.fromEntries(
    ownUses(sources, workload).map(({ kind, name, live }) => [
      configKey(kind, name),
      stringAt(live, "digest") ?? ABSENT,
    ]),
  );
}

/** The identity of a Deployment's template together with its configuration, as it is now. */
export function identityOf(sources: ConfigSources, workload: Manifest): string {
  return revisionIdentity(at(workload, "spec", "template"), digestsOf(sources, workload));
}

/**
 * The revision that a Deployment's template is, with its configuration. A new name must not tell what a Secret holds either: it
 * is made from which Secret that is, in which version.
 */
export function revisionOf(
  sources: ConfigSources,
  workload: Manifest,
  revisions: readonly Manifest[],
  digest: Digest,
): string {
  const known = revisions.map(
    (revision): KnownRevision => ({ hash: hashOf(revision), identity: identityOfRevision(sources, revision) }),
  );
  const versions = ownUses(sources, workload).map(({ kind, name, live }) => {
    const version =
      kind === "Secret" && live !== undefined ? `${live.metadata.uid}/${live.metadata.resourceVersion}` : undefined;
    return [configKey(kind, name), version ?? stringAt(live, "digest") ?? ABSENT];
  });
  const named = revisionIdentity(at(workload, "spec", "template"), Object.fromEntries(versions));
  return resolveRevision(identityOf(sources, workload), known, digest, named);
}

/** The hash of a revision's Deployment. */
export function hashOf(revision: Manifest): string {
  return revision.metadata.labels?.[Mark.revision] ?? "";
}

/** The identity that a revision was made with: its template with Git's names, and what it remembers or its copies hold. */
function identityOfRevision({ caches }: ConfigSources, revision: Manifest): string {
  const known = identities.get(revision);
  if (known !== undefined) return known;
  const { namespace = "" } = revision.metadata;
  const held = (name: string) => stringAt(caches.secrets?.get(`${namespace}/${name}`), "digest");
  let secrets = 0;
  const digests = rememberedDigests(revision, (name, copy) => {
    secrets += 1;
    // A copy that somebody deleted is no change of what Git says.
    return held(copy) ?? held(name) ?? ABSENT;
  });
  const identity = revisionIdentity(templateInGit(revision), digests);
  if (secrets === 0) identities.set(revision, identity);
  return identity;
}

/** A revision's template with the names that its configuration has in Git. */
export function templateInGit(revision: Manifest): Json | undefined {
  const names = originalNames(rememberedDigests(revision), hashOf(revision));
  return withConfigNames(at(revision, "spec", "template"), names);
}

/** Why no revision can be made of a template's configuration. */
export function configProblem(sources: ConfigSources, workload: Manifest | undefined): Because | undefined {
  if (workload === undefined) return undefined;
  if (sources.spec.config.secrets === "Include" && sources.caches.secrets === undefined) {
    const message = "spec.config.secrets is Include, and this operator may not copy Secrets";
    return because("SecretsNotCopied", message, "set rollouts.copySecrets in the values of its chart, or set Exclude");
  }
  const missing = ownUses(sources, workload).find(({ optional, live }) => !optional && live === undefined);
  if (missing === undefined) return undefined;
  const { kind, name } = missing;
  const message = `${kind} ${name}, which the pod template of Deployment ${workload.metadata.name} uses, does not exist`;
  return because("ConfigMissing", message, `commit the ${kind}, or mark its use as optional`);
}
