import { canonical, isObject, type Json, type JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { GROUP, Mark } from "../../api/v1alpha1/names.ts";

/** `kubectl rollout restart` writes it; a restart is no new revision. */
export const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";

/** Names of revisions use Kubernetes' own alphabet: no vowels, so no words, and nothing that looks like another. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const HASH_LENGTH = 8;
/**
 * The names of pods keep 58 characters of what they are made from: the revision's name, a dash, and up to ten of the
 * ReplicaSet. A longer name would be cut there, and no query by pod name would find its pods.
 */
const NAME_LIMIT = 46;

/** Answers the SHA-256 of a text as bytes. Injected, because the core imports nothing. */
export type Digest = (text: string) => Uint8Array;

/**
 * What makes a pod template a revision of its own: the live, defaulted template less what Fairlead and
 * `kubectl rollout restart` add. Two templates are the same revision when these texts are equal.
 */
export function templateIdentity(template: Json | undefined): string {
  if (!isObject(template)) return canonical(template);
  const metadata = isObject(template["metadata"]) ? template["metadata"] : {};
  const { creationTimestamp: _server, ...rest } = metadata;
  return canonical({
    ...template,
    metadata: pruneEmpty({
      ...rest,
      labels: without(metadata["labels"], isOurs),
      annotations: without(metadata["annotations"], (key) => isOurs(key) || key === RESTARTED_AT),
    }),
  });
}

/**
 * The name of a revision: eight letters of a SHA-256 over its identity.
 * It only names: equality is decided over identities, so a change of this function or of a default of Kubernetes
 * releases nothing as long as the former revision still exists.
 */
export function revisionHash(identity: string, digest: Digest): string {
  let name = "";
  for (const byte of digest(identity).slice(0, HASH_LENGTH)) name += ALPHABET[byte % ALPHABET.length];
  return name;
}

/** A revision that exists in the cluster, with the identity of the template that it runs. */
export interface KnownRevision {
  readonly hash: string;
  readonly identity: string;
}

/**
 * The revision that a template is, by its identity: a known one when they are equal, else a new name.
 * `named` is what that is made from, where the identity must not show in it.
 */
export function resolveRevision(
  identity: string,
  known: readonly KnownRevision[],
  digest: Digest,
  named = identity,
): string {
  const same = known.find((revision) => revision.identity === identity);
  if (same !== undefined) return same.hash;
  const hash = revisionHash(named, digest);
  const taken = known.some((revision) => revision.hash === hash);
  return taken ? `${hash}${ALPHABET[known.length % ALPHABET.length]}` : hash;
}

/** The name of a revision's Deployment and Service: `web-<hash>`, with a long name cut. */
export function revisionName(workload: string, hash: string): string {
  const label = workload.replaceAll(".", "-").slice(0, NAME_LIMIT - hash.length - 1);
  return `${label.replace(/-+$/, "")}-${hash}`;
}

/** What a revision's Deployment is made with, beside the workload. */
export interface RevisionParts {
  readonly rollout: string;
  readonly hash: string;
  readonly replicas: number;
  /** The pod template, with the names of the copies of its ConfigMaps. */
  readonly template: Json | undefined;
  /** Text of the config annotation; absent where the template uses no ConfigMap. */
  readonly config?: string;
}

/** The Deployment of a revision: a copy of the workload with an identity of its own. */
export function revisionDeployment(workload: Manifest, parts: RevisionParts): Manifest {
  const { rollout, hash, replicas, config } = parts;
  const spec = isObject(workload["spec"]) ? workload["spec"] : {};
  const template = isObject(parts.template) ? parts.template : {};
  const metadata = isObject(template["metadata"]) ? template["metadata"] : {};
  const marks = { [Mark.rollout]: rollout, [Mark.revision]: hash };
  const { paused: _paused, ...carried } = spec;
  return {
    apiVersion: workload.apiVersion,
    kind: workload.kind,
    metadata: {
      name: revisionName(workload.metadata.name, hash),
      ...(workload.metadata.namespace === undefined ? {} : { namespace: workload.metadata.namespace }),
      // None of the workload's own labels: by some of them other tools would count the copy as theirs, and prune it.
      labels: marks,
      ...(config === undefined ? {} : { annotations: { [Mark.config]: config } }),
    },
    spec: {
      ...carried,
      replicas,
      selector: { matchLabels: marks },
      template: {
        ...template,
        metadata: {
          ...metadata,
          labels: { ...without(metadata["labels"], isOurs), ...marks, [Mark.serving]: "true" },
        },
      },
    },
  };
}

/** The Service of a revision: it reaches exactly that revision's pods, on the ports of the callers' Service. */
export function revisionService(service: Manifest, workload: string, rollout: string, hash: string): Manifest {
  const marks = { [Mark.rollout]: rollout, [Mark.revision]: hash };
  // A pod that is about to be stopped loses the mark first, and so leaves the Service.
  return internalService(service, revisionName(workload, hash), marks, { ...marks, [Mark.serving]: "true" });
}

/** The Service of a fixed name by which people look at a candidate before users get it. */
export function previewService(
  service: Manifest,
  { name, rollout, hash }: { readonly name: string; readonly rollout: string; readonly hash: string },
): Manifest {
  const labels = { [Mark.rollout]: rollout, [Mark.preview]: "true" };
  return internalService(service, name, labels, { [Mark.rollout]: rollout, [Mark.revision]: hash });
}

function internalService(service: Manifest, name: string, labels: JsonObject, selector: JsonObject): Manifest {
  const ports = isObject(service["spec"]) ? service["spec"]["ports"] : undefined;
  const { namespace } = service.metadata;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels: labels as Record<string, string> },
    spec: { selector, ports: Array.isArray(ports) ? ports.map(withoutNodePort) : [] },
  };
}

function withoutNodePort(port: Json): Json {
  if (!isObject(port)) return port;
  const { nodePort: _nodePort, ...rest } = port;
  return rest;
}

function isOurs(key: string): boolean {
  return key.startsWith(`${GROUP}/`);
}

function without(map: Json | undefined, drop: (key: string) => boolean): JsonObject {
  return isObject(map) ? Object.fromEntries(Object.entries(map).filter(([key]) => !drop(key))) : {};
}

function pruneEmpty(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== null && !(isObject(value) && Object.keys(value).length === 0),
    ),
  );
}
