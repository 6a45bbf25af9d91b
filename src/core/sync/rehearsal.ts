import { stringAt } from "../../api/json.ts";
import { groupOf } from "../../api/objects.ts";
import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import type { Member } from "./desiredSet.ts";

/** A write that a commit brings. */
export interface News {
  readonly member: Member;
  /** The object is not in the cluster yet, as far as it is known. */
  readonly fresh: boolean;
}

/** Kinds that decide who may write what, and how much of it. */
const GOVERNS: ReadonlySet<string> = new Set([
  "/LimitRange",
  "/ResourceQuota",
  "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
  "admissionregistration.k8s.io/MutatingWebhookConfiguration",
  "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
  "rbac.authorization.k8s.io/ClusterRole",
  "rbac.authorization.k8s.io/ClusterRoleBinding",
  "rbac.authorization.k8s.io/Role",
  "rbac.authorization.k8s.io/RoleBinding",
  "scheduling.k8s.io/PriorityClass",
]);

/**
 * Tells whether a commit is tried as a whole before its first write. One write needs no trial: it is done or refused as a
 * whole anyhow. A sync that has nothing in the cluster yet has nothing that half a commit could harm.
 */
export function needsTrial(mode: GitSyncSpec["dryRun"], writes: number, first: boolean): boolean {
  if (mode === "Never" || writes === 0) return false;
  return mode === "Always" || (writes > 1 && !first);
}

/** The writes that can be tried now: not those whose namespace or definition comes, or changes, with the same commit. */
export function triable<T extends News>(news: readonly T[]): readonly T[] {
  const namespaces = new Set<string>();
  const kinds = new Set<string>();
  for (const { member, fresh } of news) {
    const { object, ref } = member;
    if (ref.kind === "Namespace" && groupOf(ref.apiVersion) === "" && fresh) namespaces.add(ref.name);
    if (ref.kind === "CustomResourceDefinition") {
      kinds.add(`${stringAt(object, "spec", "group")}/${stringAt(object, "spec", "names", "kind")}`);
    }
  }
  return news.filter(
    ({ member: { ref } }) =>
      !namespaces.has(ref.namespace ?? "") && !kinds.has(`${groupOf(ref.apiVersion)}/${ref.kind}`),
  );
}

/** Tells whether a commit changes what is forbidden, so that "forbidden" before it says nothing about after it. */
export function changesRights(news: readonly News[]): boolean {
  return news.some(({ member: { ref } }) => GOVERNS.has(`${groupOf(ref.apiVersion)}/${ref.kind}`));
}
