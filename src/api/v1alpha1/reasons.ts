/**
 * Every Reason that conditions and Events of Fairlead carry. The reference page is generated from this table:
 * the sentence says when a person sees the reason.
 */
export const REASONS = {
  // GitSync: Ready
  Applied: "All objects of the revision are applied and healthy.",
  Progressing: "Objects are being applied or are not healthy yet.",
  Suspended: "spec.suspend is set; nothing is applied or corrected.",
  // GitSync: what Git gave
  InvalidURL: "spec.url is no address that Fairlead fetches from.",
  InvalidRef: "spec.ref is no valid name of a branch, tag or commit.",
  InvalidPath: "spec.path leaves the repository or is malformed.",
  InvalidSpec: "The resource's spec or status cannot be read.",
  SecretMissing: "A Secret that the resource names does not exist or lacks a key.",
  HostUnreachable: "The Git host does not answer.",
  HostUnknown: "The Git host's name does not resolve.",
  TLSFailed: "The Git host's certificate is not trusted.",
  AuthFailed: "The Git host refuses the credentials.",
  HostKeyMismatch: "The Git host's SSH key is not the one in known_hosts.",
  RepositoryNotFound: "The Git host has no such repository, or hides it from these credentials.",
  RefNotFound: "The repository has no such branch, tag or commit.",
  PathNotFound: "The revision has nothing at spec.path.",
  SymlinkRefused: "A manifest is a symbolic link; Fairlead reads none.",
  LfsPointerRefused: "A manifest is a Git LFS pointer, not its content.",
  TooLarge: "A file, a document or the whole set is beyond the limits.",
  Timeout: "A Git operation took longer than spec.timeout.",
  GitFailed: "Git failed for another reason, given in the message.",
  Unsupported: "The path holds a format that this version does not render.",
  // GitSync: the desired set
  InvalidYAML: "A file is no valid YAML.",
  DuplicateKey: "A mapping has a key twice.",
  NotAnObject: "A document is no Kubernetes object.",
  NoManifests: "The path holds no manifest; nothing is deleted for that.",
  DuplicateObject: "Two places declare the same object.",
  ForeignNamespace: "An object may not be managed by this sync.",
  OwnedByOther: "Another GitSync owns the object.",
  UnknownKind: "The API server does not serve the kind (yet); the other objects are applied.",
  ApplyFailed: "The API server refused an object; the others are applied.",
  Unhealthy: "An applied object has failed.",
  Forbidden: "The account that writes lacks a permission.",
  // GitSync: prune and drift
  PruneHeld: "A deletion waits: it would remove too much, and Git must confirm it.",
  PruneDeferred: "A deletion waits until the set is healthy and its rollouts are at rest.",
  PruneFailed: "The API server did not delete an object; it stays in the inventory.",
  Pruned: "Objects that Git no longer has were deleted.",
  DriftCorrected: "An object had been changed or deleted by someone else and was put back.",
  Fighting: "Another writer keeps undoing Git's word; corrections are slowed down.",
  HistoryRewritten: "The branch was force-pushed: the former revision is no ancestor.",
  // ProgressiveRollout: where it is
  Adopting: "The live Deployment is being taken over.",
  AtRest: "All traffic is at the stable revision, which is what Git says.",
  Stepping: "The candidate is at a step of the strategy.",
  Promoting: "The candidate passed every step and takes all traffic.",
  RollingBack: "Git went back to an earlier stable revision, which takes all traffic.",
  Rescuing: "Stable had no ready pod; the new revision takes all traffic.",
  Returning: "Stable takes all traffic back.",
  HandingBack: "The resource is being deleted; the Deployment takes over again.",
  // ProgressiveRollout: outcomes
  Adopted: "The Deployment runs as a revision of its rollout.",
  Promoted: "The candidate became stable.",
  Rejected: "The candidate was refused; only a new commit or spec.retry moves on.",
  Cancelled: "Git went back to stable during the rollout.",
  Superseded: "A newer commit replaced the candidate.",
  RolledBack: "An earlier stable revision is stable again.",
  Rescued: "A new revision replaced a stable one that had no ready pod.",
  // ProgressiveRollout: holds
  Settling: "What the step wants is not in place yet.",
  HoldTime: "The step's hold time is running.",
  AwaitingVerdict: "The step waits for a passing measurement of every metric.",
  NoData: "A metric has no data; the weight is held.",
  ProviderError: "Prometheus does not answer; the weight is held.",
  InvalidQuery: "A metric's query or answer is wrong; the weight is held until Git corrects it.",
  Failing: "A metric is outside its limit; another failure rejects the candidate.",
  Paused: "spec.paused is set.",
  CapacityMissing: "Pods are not ready; the traffic stays where it is.",
  // ProgressiveRollout: what is wrong with its input
  ConfigMissing: "A ConfigMap that the pod template requires does not exist; no revision is made without it.",
  Arriving: "A commit is being applied; what it means is decided when all of it is there.",
  WorkloadMissing: "The Deployment that the rollout names does not exist.",
  ServiceMissing: "The Service that the rollout names does not exist.",
  ServiceSelectsNothing: "The Service's selector does not match the Deployment's pods.",
  TargetConflict: "Another ProgressiveRollout drives the same Deployment or Service.",
  ReplicasPutBack: "The taken-over Deployment was scaled by hand and was put back.",
  ReconcileFailed: "Work on the resource failed and is tried again.",
} as const;

/** A CamelCase word of the documented table. */
export type Reason = keyof typeof REASONS;
