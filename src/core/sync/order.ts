import { groupOf, identity, type ObjectRef } from "../../api/objects.ts";
import { GROUP } from "../../api/v1alpha1/names.ts";

/** The stages of an application, in order. A stage starts when everything in the one before is applied. */
export const STAGE_NAMES = ["Foundations", "Needs", "Workloads", "Rollouts", "Gates"] as const;
/** The name of a stage. */
export type StageName = (typeof STAGE_NAMES)[number];

/** Objects that may be applied together; in the order of the list, when one after the other. */
export interface Stage<T> {
  readonly name: StageName;
  readonly items: readonly T[];
}

interface Placed {
  readonly ref: ObjectRef;
}

/** The kinds of each stage, in the order in which they need each other. What isn't named here is a workload. */
const KINDS: Readonly<Record<Exclude<StageName, "Workloads">, readonly string[]>> = {
  Foundations: ["apiextensions.k8s.io/CustomResourceDefinition", "/Namespace"],
  Needs: [
    "scheduling.k8s.io/PriorityClass",
    "node.k8s.io/RuntimeClass",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/CSIDriver",
    "snapshot.storage.k8s.io/VolumeSnapshotClass",
    "networking.k8s.io/IngressClass",
    "gateway.networking.k8s.io/GatewayClass",
    "resource.k8s.io/DeviceClass",
    "/ResourceQuota",
    "/LimitRange",
    "networking.k8s.io/NetworkPolicy",
    "/ServiceAccount",
    "rbac.authorization.k8s.io/ClusterRole",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/RoleBinding",
    "/ConfigMap",
    "/Secret",
    "/PersistentVolume",
    "/PersistentVolumeClaim",
    "/Service",
    "gateway.networking.k8s.io/ReferenceGrant",
    "gateway.networking.k8s.io/Gateway",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
    "admissionregistration.k8s.io/MutatingAdmissionPolicy",
  ],
  Rollouts: [
    "gateway.networking.k8s.io/HTTPRoute",
    "gateway.networking.k8s.io/GRPCRoute",
    "gateway.networking.k8s.io/TLSRoute",
    "gateway.networking.k8s.io/TCPRoute",
    "gateway.networking.k8s.io/UDPRoute",
    `${GROUP}/ProgressiveRollout`,
  ],
  // These stand in the way of every later call of their kinds, so what answers for them comes first.
  Gates: [
    "apiregistration.k8s.io/APIService",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
  ],
};

const PLACES: ReadonlyMap<string, { readonly stage: number; readonly rank: number }> = new Map(
  Object.entries(KINDS).flatMap(([name, kinds]) =>
    kinds.map((kind, rank) => [kind, { stage: STAGE_NAMES.indexOf(name as StageName), rank }] as const),
  ),
);
const ELSEWHERE = { stage: STAGE_NAMES.indexOf("Workloads"), rank: 0 };

/** The stages in which objects are applied; empty ones are left out. */
export function stages<T extends Placed>(items: readonly T[]): readonly Stage<T>[] {
  const sorted = [...items].sort(applyOrder);
  return STAGE_NAMES.map((name, stage) => ({
    name,
    items: sorted.filter(({ ref }) => placeOf(ref).stage === stage),
  })).filter((stage) => stage.items.length > 0);
}

/** The order in which objects are deleted: the reverse, so webhooks go first and custom resources before their CRD. */
export function pruneOrder<T extends Placed>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => applyOrder(b, a));
}

/** Compares two objects in apply order. Total: 0 only for one and the same identity. */
export function applyOrder(a: Placed, b: Placed): number {
  const [x, y] = [placeOf(a.ref), placeOf(b.ref)];
  return x.stage - y.stage || x.rank - y.rank || compare(sortKey(a.ref), sortKey(b.ref));
}

function placeOf(ref: ObjectRef): { readonly stage: number; readonly rank: number } {
  return PLACES.get(`${groupOf(ref.apiVersion)}/${ref.kind}`) ?? ELSEWHERE;
}

/** Group, kind, namespace, name, parted by a character that sorts before all that they may hold. */
function sortKey(ref: ObjectRef): string {
  return identity(ref).replaceAll("/", "\u0000");
}

/** By code units: the order of a locale would differ from machine to machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
