import { canonical, isObject, type Json, type JsonObject } from "../../api/json.ts";
import { type Manifest, type ObjectRef, refOf } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type ConfigKind, configKey, fromConfigKey } from "./configUses.ts";
import { templateIdentity } from "./revision.ts";

/** What is known of the content of ConfigMaps and Secrets, by their keys: the digest of the data, or that there is none. */
export type ConfigDigests = Readonly<Record<string, string>>;

/** Stands for an object that does not exist. */
export const ABSENT = "absent";

/**
 * Stands for the digest of a Secret wherever it is stored: people who may read Deployments, and no Secrets, could try out
 * passwords on a digest. The copy itself tells what it holds.
 */
const COPIED = "copied";

/**
 * What makes a template with its configuration a revision of its own: two are the same when these texts are equal.
 * A template without configuration has the identity of the template alone.
 */
export function revisionIdentity(template: Json | undefined, digests: ConfigDigests): string {
  const identity = templateIdentity(template);
  return Object.keys(digests).length === 0 ? identity : `${identity}\n${canonical(digests)}`;
}

/** The longest name of a ConfigMap or Secret. */
const NAME_LIMIT = 253;

/** The name of a copy. Whole but for the longest names: two objects of one template must not get one copy. */
function copyName(name: string, hash: string): string {
  return `${name.slice(0, NAME_LIMIT - hash.length - 1)}-${hash}`;
}

/** The names that a revision's copies have, by the keys of what they copy. */
export function copyNames(digests: ConfigDigests, hash: string): ReadonlyMap<string, string> {
  const present = Object.keys(digests).filter((key) => digests[key] !== ABSENT);
  return new Map(present.map((key) => [key, copyName(fromConfigKey(key).name, hash)]));
}

/** The other way round: from the keys of a revision's copies back to Git's names. */
export function originalNames(digests: ConfigDigests, hash: string): ReadonlyMap<string, string> {
  return new Map(
    [...copyNames(digests, hash)].map(([key, copy]) => {
      const { kind, name } = fromConfigKey(key);
      return [configKey(kind, copy), name];
    }),
  );
}

/** The text by which a revision's Deployment remembers what it was made with. */
export function remembering(digests: ConfigDigests): string {
  const stored = Object.entries(digests).map(([key, digest]) => {
    return [key, fromConfigKey(key).kind === "Secret" && digest !== ABSENT ? COPIED : digest];
  });
  return canonical(Object.fromEntries(stored) as JsonObject);
}

/** What a revision's Deployment remembers; `held` gives the digest of a Secret, by its name and its copy's. */
export function rememberedDigests(
  revision: Manifest,
  held: (name: string, copy: string) => string = () => COPIED,
): ConfigDigests {
  const { annotations, labels } = revision.metadata;
  const text = annotations?.[Mark.config];
  if (text === undefined) return {};
  return Object.fromEntries(
    Object.entries(parsedOr({}, text)).flatMap(([key, value]) => {
      if (typeof value !== "string") return [];
      if (value !== COPIED) return [[key, value]];
      const { name } = fromConfigKey(key);
      return [[key, held(name, copyName(name, labels?.[Mark.revision] ?? ""))]];
    }),
  );
}

/** An annotation that somebody has broken tells nothing. */
function parsedOr(otherwise: JsonObject, text: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : otherwise;
  } catch {
    return otherwise;
  }
}

/** What a digest is taken over. */
export function configContent({ kind, data = {}, binaryData = {}, type }: Manifest): string {
  return kind === "Secret" ? canonical({ type, data }) : canonical({ data, binaryData });
}

/** The copies of a revision, by what its Deployment remembers. */
export function copiesOf(revision: Manifest, hash: string): readonly ObjectRef[] {
  const { namespace } = revision.metadata;
  const place = namespace === undefined ? {} : { namespace };
  return [...copyNames(rememberedDigests(revision), hash)].map(([key, name]) => {
    return { apiVersion: "v1", kind: fromConfigKey(key).kind, ...place, name };
  });
}

/** The copy of a ConfigMap or Secret that the pods of one revision use: they start with the data that they were judged with. */
export function configCopy(original: Manifest, rollout: string, hash: string): Manifest {
  const { namespace, name } = original.metadata;
  const { data, binaryData, type } = original;
  return {
    apiVersion: "v1",
    kind: original.kind,
    metadata: {
      name: copyName(name, hash),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [Mark.rollout]: rollout, [Mark.revision]: hash },
    },
    immutable: true,
    ...(type === undefined ? {} : { type }),
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

/** The owner of a copy, which goes with its revision's Deployment, also when a person deletes that. */
export function ownerOfCopies(revision: Manifest): JsonObject {
  const { apiVersion, kind, name } = refOf(revision);
  return { apiVersion, kind, name, uid: revision.metadata.uid ?? "" };
}

/** Secrets that Kubernetes itself writes and renews: a copy would go stale. */
const NEVER_COPIED: ReadonlySet<string> = new Set([
  "kubernetes.io/service-account-token",
  "bootstrap.kubernetes.io/token",
]);

/** Kubernetes itself keeps it in every namespace, and rotates it. */
const ROOT_CA = "kube-root-ca.crt";

/** Tells whether all pods share an object as it is, whatever their revision. */
export function isShared(kind: ConfigKind, name: string, live: Manifest | undefined): boolean {
  if (kind === "ConfigMap" && name === ROOT_CA) return true;
  return live?.metadata.annotations?.[Mark.config] === "shared" || NEVER_COPIED.has(String(live?.["type"]));
}
