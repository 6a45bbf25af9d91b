import { at, listAt, stringAt } from "../../api/json.ts";
import { groupOf, type Manifest, type ObjectRef, title } from "../../api/objects.ts";
import { count, some } from "../status/text.ts";

/** The trailer of a commit message that lets a held deletion happen. */
const CONFIRMATION = "Fairlead-Prune: confirm";

/** Tells whether the trailers of a commit message, by their lower-case names, confirm its deletions. */
export function confirmsPrune(trailers: Readonly<Record<string, readonly string[]>>): boolean {
  const [name = "", value = ""] = CONFIRMATION.split(": ");
  return trailers[name.toLowerCase()]?.includes(value) ?? false;
}

/** An object to delete, with what must still be true of it. */
export interface Removal {
  readonly id: string;
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly resourceVersion?: string;
}

/** Kinds whose deletion destroys more than the object. */
const DESTRUCTIVE: readonly string[] = [
  "/Namespace",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "apiextensions.k8s.io/CustomResourceDefinition",
];
const GUARDED_FROM = 5;
const LISTED = 10;

/** Why a deletion needs a person's word; `total` counts what goes and what Git wants to stay. */
export function guard(remove: readonly Removal[], total: number): string | undefined {
  const { length } = remove;
  if (length === 0) return undefined;
  if (length >= total) return `everything that this sync has applied, ${count(length, "object")}`;
  if (length >= GUARDED_FROM && length * 2 > total) return `${length} of ${count(total, "object")}, more than half`;
  const destructive = remove.filter(isDestructive);
  if (destructive.length > 0)
    return `${count(length, "object")}, and with ${some(destructive.map(named), 3)} all that is inside`;
  return undefined;
}

/** Says what is held and both ways out. The list begins with what destroys most. */
export function heldMessage(remove: readonly Removal[], alarm: string, inside: (removal: Removal) => number): string {
  const worstFirst = [...remove].sort((a, b) => Number(isDestructive(b)) - Number(isDestructive(a)));
  const names = worstFirst.map((removal) => {
    const others = inside(removal);
    return others === 0 ? named(removal) : `${named(removal)} with ${count(others, "object")} of other origin`;
  });
  const objects = some(names, LISTED);
  return `The deletion of ${alarm}, is held: ${objects}; to delete, push a commit whose message ends with the line "${CONFIRMATION}", to keep, put the manifests back.`;
}

function isDestructive({ ref }: Removal): boolean {
  return DESTRUCTIVE.includes(`${groupOf(ref.apiVersion)}/${ref.kind}`);
}

/** What is known of the objects of definitions. */
export interface Inhabited {
  /** The live object of an entry that isn't wanted. "Unreadable": nobody can tell whether there is one. */
  readonly live: (id: string) => Manifest | undefined | "Unreadable";
  /** How many objects of a definition's kind there are in the cluster, by the id of the definition, as far as it is known. */
  readonly inhabitants?: (id: string) => number | undefined;
}

/** How many objects would go with a definition that this plan does not name: those that no commit of this sync brought. */
export function foreigners({ id }: Removal, remove: readonly Removal[], { inhabitants, live }: Inhabited): number {
  const kind = kindOfDefinition(live(id));
  if (kind === undefined) return 0;
  const group = groupOf(kind.apiVersion);
  const own = remove.filter(({ ref }) => ref.kind === kind.kind && groupOf(ref.apiVersion) === group);
  return Math.max(0, (inhabitants?.(id) ?? 0) - own.length);
}

/** The kind that a CustomResourceDefinition brings, in a version that is served. */
export function kindOfDefinition(
  object: Manifest | undefined | "Unreadable",
): { readonly apiVersion: string; readonly kind: string } | undefined {
  if (object === undefined || object === "Unreadable" || object.kind !== "CustomResourceDefinition") return undefined;
  const group = stringAt(object, "spec", "group");
  const kind = stringAt(object, "spec", "names", "kind");
  const served = listAt(object, "spec", "versions").find((version) => at(version, "served") === true);
  const version = stringAt(served, "name");
  if (group === undefined || kind === undefined || version === undefined) return undefined;
  return { apiVersion: `${group}/${version}`, kind };
}

function named({ ref }: Removal): string {
  return title(ref);
}
