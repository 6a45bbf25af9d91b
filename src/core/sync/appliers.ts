import { at, isObject, type Json } from "../../api/json.ts";
import { groupOf, type Manifest } from "../../api/objects.ts";
import { GROUP } from "../../api/v1alpha1/names.ts";
import { entriesOf, type Fields, isOurs, isPatch, type ManagerEntry, union, withoutField } from "./fields.ts";

/**
 * Field managers that write whole objects from a file, as Fairlead does: what they own and Git does not have is left over
 * from them. Tools that set single fields (`kubectl-label`, `kubectl-annotate`, `kubectl-rollout`, `kubectl-set`,
 * `kubectl-patch`), controllers and every manager that is not named here keep what they own.
 */
const APPLIERS: ReadonlySet<string> = new Set([
  "kubectl-client-side-apply",
  // With --server-side.
  "kubectl",
  "kubectl-create",
  "kubectl-edit",
  "kubectl-replace",
  // The name that Kubernetes gives to whatever it did not record.
  "before-first-apply",
  "helm",
  "Helm",
  // Flux.
  "helm-controller",
  "kustomize-controller",
  "flux",
  "flux-client-side-apply",
  // Argo CD.
  "argocd-controller",
  "argocd-application-controller",
]);

/** Annotations that controllers write; whoever recorded them first does not own them. */
const CONTROLLERS_ANNOTATIONS: readonly string[] = ["deployment.kubernetes.io/revision"];

/**
 * The `managedFields` with which Fairlead owns what older appliers of this object own, so that the next apply removes what
 * Git does not have; undefined: there is nothing to take over. `stored` is the answer to an apply of `desired`.
 *
 * It never takes over the status, finalizers, owner references, or replicas that Git does not name: those would be
 * removed, or fall back to 1, while a controller relies on them. An entry of another API version stays, as its paths need
 * not be those of ours. `shared`: a rollout has a part of the object, which it patches.
 */
export function takenOver(stored: Manifest, desired: Manifest, shared: boolean): readonly Json[] | undefined {
  const entries = entriesOf(stored);
  const ours = entries.find(isOurs);
  if (ours === undefined) return undefined;
  const older = entries.filter(
    (entry) => (isOlder(entry) || isLeftPatch(entry, stored, shared)) && entry.apiVersion === ours.apiVersion,
  );
  if (older.length === 0) return undefined;
  const fields = older.map(({ fields }) => takeable(fields, desired)).reduce(union, ours.fields);
  return entries.flatMap((entry) => {
    if (older.includes(entry)) return [];
    return entry === ours && isObject(entry.entry) ? [{ ...entry.entry, fieldsV1: fields }] : [entry.entry];
  });
}

/** Tells whether an object has patches of a rollout that has no part of it any more: what it handed back is Git's again. */
export function hasLeftPatch(object: Manifest, shared: boolean): boolean {
  return entriesOf(object).some((entry) => isLeftPatch(entry, object, shared));
}

/** On Fairlead's own kinds it is the operator that patches. */
function isLeftPatch(entry: ManagerEntry, { apiVersion }: Manifest, shared: boolean): boolean {
  return !shared && groupOf(apiVersion) !== GROUP && isPatch(entry);
}

function isOlder({ manager, operation, subresource }: ManagerEntry): boolean {
  if (subresource !== "" || !APPLIERS.has(manager)) return false;
  // `kubectl scale` and its like are "kubectl" with an Update.
  return manager !== "kubectl" || operation === "Apply";
}

function takeable(fields: Fields, desired: Manifest): Fields {
  const metadata = isObject(fields["f:metadata"]) ? fields["f:metadata"] : {};
  const kept = Object.entries(metadata).filter(([key]) => key === "f:labels" || key === "f:annotations");
  const { "f:metadata": _, "f:status": _status, ...rest } = fields;
  let taken: Fields = kept.length === 0 ? rest : { ...rest, "f:metadata": Object.fromEntries(kept) };
  for (const name of CONTROLLERS_ANNOTATIONS) taken = withoutField(taken, ["metadata", "annotations", name]);
  return at(desired, "spec", "replicas") === undefined ? withoutField(taken, ["spec", "replicas"]) : taken;
}
