/** API group of Fairlead's resources; prefix of its labels and annotations. */
export const GROUP = "fairlead.dev";
/** The version that is served and stored. */
export const API_VERSION = `${GROUP}/v1alpha1`;
/** Field manager of every write. */
export const FIELD_MANAGER = "fairlead";

/** Labels, annotations and the finalizer that Fairlead writes. */
export const Mark = {
  /** Label on every object that a GitSync applied: what the drift watches select by. Value "true". */
  managed: `${GROUP}/managed`,
  /** Annotation: `syncNamespace/syncName/group/Kind/namespace/name`. It names the object itself, so a copy of it is no claim. */
  owner: `${GROUP}/owner`,
  /** Label on revision Deployments, their pods and Services: the revision's hash. */
  revision: `${GROUP}/revision`,
  /** Label on revision Deployments, their pods and Services: the ProgressiveRollout's name. */
  rollout: `${GROUP}/rollout`,
  /** Label on the Service by which a candidate is looked at before users get it. Value "true". */
  preview: `${GROUP}/preview`,
  /** Label on pods: "true" while the Service may send requests there. "handback": a pod of a workload that is being handed back. */
  serving: `${GROUP}/serving`,
  /** Annotation on a taken-over Deployment: the replicas that Git says, since `spec.replicas` is 0. */
  replicas: `${GROUP}/replicas`,
  /**
   * Annotation on a revision's Deployment: digests of the ConfigMaps that it was made with, by their names in Git, and the names
   * of its Secrets. On a ConfigMap or Secret, "shared" keeps it out of revisions: all pods see its changes at once.
   */
  config: `${GROUP}/config`,
  /** Annotation on a Namespace: how many of its rollouts may be under way at once, a whole number. */
  maxRollouts: `${GROUP}/max-rollouts`,
  /** Label on Jobs of checks and on their pods: the ProgressiveRollout's name. */
  check: `${GROUP}/check`,
  /** Annotation on a check's Job: which run of which check it is. */
  checkRun: `${GROUP}/check-run`,
  /** Annotation on anything that a GitSync applied: digest of what Git said, so that a new process knows what is in place. */
  applied: `${GROUP}/applied`,
  /** Annotation on anything in Git: "merge", "if-not-present" or "ignore" restrict how it is applied. */
  apply: `${GROUP}/apply`,
  /** Annotation on anything in Git: "allowed" lets it be deleted and made anew where a field may not change. */
  recreate: `${GROUP}/recreate`,
  /** Annotation on anything in Git: "disabled" keeps it from being pruned. */
  prune: `${GROUP}/prune`,
  /** Annotation on anything in Git: "enabled" lets variables be replaced in data and CRDs too, "disabled" nowhere. */
  substitute: `${GROUP}/substitute`,
  /** Finalizer of both resources. */
  finalizer: `${GROUP}/finalizer`,
  /** Annotation on a GitSync: what it is about to apply for the first time, until status.inventory says it. */
  firstPlan: `${GROUP}/first-plan`,
  /** Annotation that asks for a check now; its value is echoed to status.lastHandledRequest. */
  requestedAt: `${GROUP}/requested-at`,
  /** Annotation on a GitSync: the full hash of the one commit that is accepted although its history or its signature is refused. */
  acceptRevision: `${GROUP}/accept-revision`,
} as const;

/** Kubernetes' own pod annotation: of the pods of a ReplicaSet, the cheapest goes first. */
export const POD_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
