import { isObject, type Json, listAt, stringAt } from "../../api/json.ts";
import { groupOf, identity, type Manifest, type ObjectRef, refOf, title } from "../../api/objects.ts";
import { type Position, place, type Rendered } from "../../api/rendered.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { Reason } from "../../api/v1alpha1/reasons.ts";
import { invalidOption } from "./options.ts";
import { ownerMark, protectedNamespace, type SyncName } from "./owner.ts";

/** One object of the desired set, ready to be applied. */
export interface Member {
  /** `group/Kind/namespace/name`. */
  readonly id: string;
  readonly ref: ObjectRef;
  readonly object: Manifest;
  readonly position: Position;
  /** Values of Secrets that were put into the object: they must show nowhere else. */
  readonly confidential?: readonly string[];
  /**
   * Yes: the API server serves the kind. AfterItsCRD: a CRD of this very set declares it.
   * Silent: the API of its group does not answer. No: it waits alone until something else brings its kind; whether it has a namespace isn't known yet.
   */
  readonly served: "Yes" | "AfterItsCRD" | "Silent" | "No";
  /** Ids that the object has if its kind turns out to be scoped otherwise. An inventory entry of this id is still wanted. */
  readonly aliases: readonly string[];
}

/** Something wrong with the files. `message` says what and the way out; `position` says where. */
export interface Problem {
  readonly reason: Reason;
  readonly position: Position;
  readonly message: string;
}

/** All objects that Git wants, or every reason why nothing of it may be applied. */
export type DesiredSet =
  | { readonly kind: "Set"; readonly members: readonly Member[] }
  | { readonly kind: "Refused"; readonly problems: readonly Problem[] };

/** What the rendered objects are to be seen with. */
export interface DesiredSetOptions {
  readonly sync: SyncName;
  /** Where Fairlead itself runs; nothing in it may be declared. */
  readonly operatorNamespace: string;
  /** What the API server serves; undefined: not this kind, not now. "Silent": the API of its group does not answer. */
  readonly kinds: (apiVersion: string, kind: string) => { readonly namespaced: boolean } | "Silent" | undefined;
}

/** Written by the API server or a controller. From an exported manifest they would be refused, or fought over. */
const SERVER_FIELDS: readonly string[] = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
];
const SERVER_ANNOTATIONS: readonly string[] = [
  "deployment.kubernetes.io/revision",
  "kubectl.kubernetes.io/last-applied-configuration",
];
/** Marks that only Fairlead writes: from Git they would be a claim that nothing backs. */
const OWN_LABELS: readonly string[] = [Mark.managed, Mark.revision, Mark.rollout, Mark.serving];
const OWN_ANNOTATIONS: readonly string[] = [Mark.applied, Mark.owner, Mark.replicas];

/** Turns what the files say into the objects to apply: named, placed in a namespace, marked as ours, each once. */
export function desiredSet(rendered: readonly Rendered[], options: DesiredSetOptions): DesiredSet {
  const problems: Problem[] = [];
  const members = new Map<string, Member>();
  const scopes = declaredScopes(rendered);
  for (const one of rendered) {
    const member = toMember(one, options, scopes);
    const former = members.get(member.id);
    const problem = refusal(member, former, options.operatorNamespace);
    if (problem !== undefined) problems.push(problem);
    else members.set(member.id, member);
  }
  return problems.length > 0 ? { kind: "Refused", problems } : { kind: "Set", members: [...members.values()] };
}

/** Every id that the set lays claim to, under whichever scope its kinds turn out to have: none of them is ever pruned. */
export function wantedIds(members: readonly Member[]): ReadonlySet<string> {
  return new Set(members.flatMap(({ id, aliases }) => [id, ...aliases]));
}

function refusal(member: Member, former: Member | undefined, operatorNamespace: string): Problem | undefined {
  const { ref, position, object } = member;
  const refuse = (reason: Reason, message: string): Problem => ({ reason, position, message });
  if (stringAt(object, "metadata", "name") === undefined || ref.name === "") {
    return stringAt(object, "metadata", "generateName") === undefined
      ? refuse("NotAnObject", `${ref.kind} has no metadata.name; give it one`)
      : refuse(
          "NotAnObject",
          `${ref.kind} has metadata.generateName, which makes a new object at each apply; give it metadata.name instead`,
        );
  }
  const foreign = protectedNamespace(ref, operatorNamespace);
  if (foreign !== undefined) {
    return refuse(
      "ForeignNamespace",
      `${title(ref)} belongs to the namespace ${foreign}, which no GitSync may manage; remove it or move it to another namespace`,
    );
  }
  const option = invalidOption(object);
  if (option !== undefined) return refuse("InvalidAnnotation", `${title(ref)}: ${option}`);
  if (former !== undefined) {
    return refuse(
      "DuplicateObject",
      `${title(ref)} is declared here and at ${place(former.position)}; remove one of the two`,
    );
  }
  return undefined;
}

function toMember(one: Rendered, options: DesiredSetOptions, scopes: ReadonlyMap<string, string>): Member {
  const { object, position } = one;
  const answer = options.kinds(object.apiVersion, object.kind);
  const served = answer === "Silent" ? undefined : answer;
  const declared = scopes.get(`${groupOf(object.apiVersion)}/${object.kind}`);
  const namespaced = served?.namespaced ?? (declared === undefined ? undefined : declared !== "Cluster");
  const given = stringAt(object, "metadata", "namespace") || undefined;
  const inNamespace: ObjectRef = { ...refOf(object), namespace: given ?? options.sync.namespace };
  const { namespace: _, ...clusterWide } = inNamespace;
  const ref = namespaced === true || (namespaced === undefined && given !== undefined) ? inNamespace : clusterWide;
  const id = identity(ref);
  return {
    id,
    ref,
    object: prepared(object, ref, options.sync),
    position,
    ...(one.confidential === undefined ? {} : { confidential: one.confidential }),
    served: typeof answer === "object" ? "Yes" : declared !== undefined ? "AfterItsCRD" : (answer ?? "No"),
    aliases: namespaced !== undefined ? [] : [inNamespace, clusterWide].map(identity).filter((other) => other !== id),
  };
}

/** The object as it is applied: no status, nothing that the server sets, and our marks. */
function prepared(object: Manifest, ref: ObjectRef, sync: SyncName): Manifest {
  const { status: _status, metadata: given, ...all } = object;
  const { rules: _rules, ...aggregated } = all;
  // The control plane fills the rules of an aggregated ClusterRole: to apply any would empty it for a moment, for ever.
  const rest = object.kind === "ClusterRole" && isObject(object["aggregationRule"]) ? aggregated : all;
  const { namespace: _namespace, labels, annotations, finalizers, ...metadata } = without(given, SERVER_FIELDS);
  const kept = Array.isArray(finalizers) ? finalizers.filter((finalizer) => finalizer !== Mark.finalizer) : [];
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      ...metadata,
      name: ref.name,
      ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
      ...(kept.length === 0 ? {} : { finalizers: kept }),
      labels: { ...texts(labels, OWN_LABELS), [Mark.managed]: "true" },
      annotations: {
        ...texts(annotations, [...OWN_ANNOTATIONS, ...SERVER_ANNOTATIONS]),
        [Mark.owner]: ownerMark(sync, ref),
      },
    },
  };
}

function without(value: Json | undefined, keys: readonly string[]): Record<string, Json | undefined> {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key))) : {};
}

/** Labels or annotations, less some keys. A value of a wrong type stays: the API server's refusal names it best. */
function texts(value: Json | undefined, keys: readonly string[]): Record<string, string> {
  return without(value, keys) as Record<string, string>;
}

/** The scope of each kind that a CRD among the objects declares: `group/Kind` to `Namespaced` or `Cluster`. */
function declaredScopes(rendered: readonly Rendered[]): ReadonlyMap<string, string> {
  const scopes = new Map<string, string>();
  for (const { object } of rendered) {
    if (groupOf(object.apiVersion) !== "apiextensions.k8s.io" || object.kind !== "CustomResourceDefinition") continue;
    const kind = stringAt(object, "spec", "names", "kind");
    const group = stringAt(object, "spec", "group");
    const served = listAt(object, "spec", "versions").length > 0;
    if (kind !== undefined && group !== undefined && served) {
      scopes.set(`${group}/${kind}`, stringAt(object, "spec", "scope") ?? "Namespaced");
    }
  }
  return scopes;
}
