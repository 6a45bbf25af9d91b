import { GROUP } from "../../src/api/v1alpha1/names.ts";

/** One RBAC rule with the reason why the operator needs it. */
export interface ExplainedRule {
  readonly why: string;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const READ = ["get", "list", "watch"] as const;
const OWN = ["gitsyncs", "progressiverollouts"] as const;

/** What the operator does under its own name, anywhere in the cluster. */
export const OPERATOR_RULES: readonly ExplainedRule[] = [
  {
    why: "Fairlead's own resources: read, and their finalizer set and taken off.",
    apiGroups: [GROUP],
    resources: OWN,
    verbs: [...READ, "patch", "update"],
  },
  {
    why: "Their status: cursor, inventory and conditions.",
    apiGroups: [GROUP],
    resources: OWN.map((name) => `${name}/status`),
    verbs: ["patch", "update"],
  },
  {
    why: "Owner references that block deletion, on clusters that check them.",
    apiGroups: [GROUP],
    resources: OWN.map((name) => `${name}/finalizers`),
    verbs: ["update"],
  },
  {
    why: "A sync with spec.serviceAccountName writes as that account: its rights are the bound, not Fairlead's.",
    apiGroups: [""],
    resources: ["serviceaccounts"],
    verbs: ["impersonate"],
  },
  {
    why: "Git credentials and webhook tokens, in the namespace of the GitSync that names them; never written, never logged.",
    apiGroups: [""],
    resources: ["secrets"],
    verbs: READ,
  },
  {
    why: "ConfigMaps that a pod template uses are a part of its revision: each revision has copies, and they go with it.",
    apiGroups: [""],
    resources: ["configmaps"],
    verbs: [...READ, "create", "patch", "delete"],
  },
  {
    why: "Each revision of a rollout runs as a Deployment of its own; the taken-over one goes to 0 replicas.",
    apiGroups: ["apps"],
    resources: ["deployments"],
    verbs: [...READ, "create", "patch", "delete"],
  },
  {
    why: "Routes that a rollout names are split by weight, in the rules that name its Service and in no other.",
    apiGroups: ["gateway.networking.k8s.io"],
    resources: ["httproutes", "grpcroutes"],
    verbs: [...READ, "patch"],
  },
  {
    why: "Each revision has a Service of its own; the selector of the callers' Service is narrowed.",
    apiGroups: [""],
    resources: ["services"],
    verbs: [...READ, "create", "patch", "delete"],
  },
  {
    why: "A pod's readiness decides; its serving label and deletion cost are set before it is stopped.",
    apiGroups: [""],
    resources: ["pods"],
    verbs: [...READ, "patch"],
  },
  {
    why: "Which pods receive requests now, read before anything that serves is stopped.",
    apiGroups: ["discovery.k8s.io"],
    resources: ["endpointslices"],
    verbs: ["list", "watch"],
  },
  {
    why: "A check runs the Job of a CronJob of the rollout's own namespace, which whoever may write CronJobs there has put down.",
    apiGroups: ["batch"],
    resources: ["jobs"],
    verbs: [...READ, "create", "patch", "delete"],
  },
  {
    why: "The CronJobs that checks name.",
    apiGroups: ["batch"],
    resources: ["cronjobs"],
    verbs: READ,
  },
  {
    why: "How many rollouts of a namespace may be under way at once is an annotation of the namespace.",
    apiGroups: [""],
    resources: ["namespaces"],
    verbs: ["list", "watch"],
  },
  {
    why: "Events, beside the objects that they are about.",
    apiGroups: ["", "events.k8s.io"],
    resources: ["events"],
    verbs: ["create", "patch"],
  },
];

/** What a cluster adds where rollouts may make Secrets a part of their revisions. */
export const SECRET_COPY_RULES: readonly ExplainedRule[] = [
  {
    why: "With spec.config.secrets: Include, each revision has copies of the Secrets that its pods use; they go with it.",
    apiGroups: [""],
    resources: ["secrets"],
    verbs: ["create", "patch", "delete"],
  },
];

/** What drift, health and pruning need to see. */
export const READER_RULES: readonly ExplainedRule[] = [
  {
    why:
      "Git may hold objects of any kind, also of kinds that are installed later, and a change of any of them is seen by a " +
      "watch: so everything is readable. This includes Secrets, since a Secret in Git drifts like anything else. " +
      "A cluster that may not grant this can bind a narrower role; drift is then corrected for the kinds in it.",
    apiGroups: ["*"],
    resources: ["*"],
    verbs: READ,
  },
];

/** Leader election, in the operator's own namespace. */
export const LEASE_RULES: readonly ExplainedRule[] = [
  {
    why: "One replica leads; it holds and renews a Lease.",
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["get", "list", "watch", "create", "update", "patch"],
  },
];
