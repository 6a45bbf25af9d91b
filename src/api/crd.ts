import type { z } from "zod";
import type { Json, JsonObject } from "./json.ts";
import type { Manifest } from "./objects.ts";
import { type Structural, structural } from "./schema.ts";
import { gitSyncSpec } from "./v1alpha1/gitsync.ts";
import { gitSyncStatus } from "./v1alpha1/gitsyncStatus.ts";
import { API_VERSION, GROUP } from "./v1alpha1/names.ts";
import { rolloutSpec, rolloutStatus } from "./v1alpha1/progressiverollout.ts";

/** A column of `kubectl get`. One of priority 1 is shown with `-o wide` only. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "date";
  readonly jsonPath: string;
  readonly priority?: number;
  readonly description?: string;
}

/** All that tells one resource of Fairlead from another. */
export interface Resource {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly Column[];
  readonly scale?: JsonObject;
}

/** The file name of a resource in `crds/`. */
export function crdFileName(resource: Resource): string {
  return `${GROUP}_${resource.plural}.yaml`;
}

const ready = (field: "status" | "reason" | "message"): string => `.status.conditions[?(@.type=="Ready")].${field}`;

/** A field of the rollout that ended last. */
const lastly = (field: string): string => `.status.history[0].${field}`;

const READY: Column = { name: "Ready", type: "string", jsonPath: ready("status") };
const REASON: Column = { name: "Reason", type: "string", jsonPath: ready("reason") };
const MESSAGE: Column = { name: "Message", type: "string", jsonPath: ready("message"), priority: 1 };
const AGE: Column = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** Applies what a path of a Git repository says. */
const GIT_SYNC: Resource = {
  kind: "GitSync",
  plural: "gitsyncs",
  shortName: "gs",
  description: "GitSync applies the manifests below a path of a Git repository and keeps the cluster as they say.",
  spec: gitSyncSpec,
  status: gitSyncStatus,
  columns: [
    READY,
    { name: "Revision", type: "string", jsonPath: ".status.appliedRevision" },
    REASON,
    MESSAGE,
    { name: "Objects", type: "integer", jsonPath: ".status.objects" },
    AGE,
  ],
};

/** Lets a change of a Deployment reach its users step by step. */
const PROGRESSIVE_ROLLOUT: Resource = {
  kind: "ProgressiveRollout",
  plural: "progressiverollouts",
  shortName: "pr",
  description:
    "ProgressiveRollout lets each change of a Deployment's pods reach users step by step, judged by health signals.",
  spec: rolloutSpec,
  status: rolloutStatus,
  columns: [
    { name: "Stage", type: "string", jsonPath: ".status.rollout.stage" },
    { name: "Step", type: "string", jsonPath: ".status.step" },
    { name: "Weight", type: "number", jsonPath: ".status.weight" },
    { name: "Stable", type: "string", jsonPath: ".status.rollout.stable" },
    { name: "Candidate", type: "string", jsonPath: ".status.rollout.candidate" },
    READY,
    REASON,
    {
      name: "Since",
      type: "date",
      jsonPath: ".status.rollout.enteredAt",
      description: "When this stage or step began.",
    },
    MESSAGE,
    {
      name: "Commit",
      type: "string",
      jsonPath: ".status.rollout.origin.commit",
      priority: 1,
      description: "The commit that brought the candidate.",
    },
    {
      name: "Last",
      type: "string",
      jsonPath: lastly("outcome"),
      priority: 1,
      description: "How the last rollout ended.",
    },
    { name: "Ended", type: "date", jsonPath: lastly("finishedAt"), priority: 1, description: "When it ended." },
    AGE,
  ],
  scale: {
    specReplicasPath: ".spec.replicas",
    statusReplicasPath: ".status.replicas",
    labelSelectorPath: ".status.selector",
  },
};

/** All resources, in the order in which people meet them. */
export const RESOURCES: readonly Resource[] = [GIT_SYNC, PROGRESSIVE_ROLLOUT];

/** The schema of a whole object: what the CRD holds and the field reference is written from. */
export function schemaOf(resource: Resource): Structural {
  return {
    description: resource.description,
    type: "object",
    required: ["spec"],
    properties: {
      apiVersion: {
        description: `apiVersion: ${API_VERSION}.`,
        type: "string",
        maxLength: 317,
      },
      kind: { description: `kind: ${resource.kind}.`, type: "string", maxLength: 63 },
      metadata: { type: "object" },
      spec: structural(resource.spec),
      status: keeping(structural(resource.status)),
    },
  };
}

/**
 * A schema whose objects keep fields that it does not know. A status is written by the operator alone, and what a later
 * version has stored in it must not be lost under this version's definition.
 */
function keeping(schema: Structural): Structural {
  const { properties, items } = schema;
  if (items !== undefined) return { ...schema, items: keeping(items) };
  if (properties === undefined) return schema;
  const kept = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, keeping(child)]));
  return { ...schema, properties: kept, "x-kubernetes-preserve-unknown-fields": true };
}

/** The CustomResourceDefinition of a resource. */
export function customResourceDefinition(resource: Resource): Manifest {
  const version = {
    name: API_VERSION.slice(GROUP.length + 1),
    served: true,
    storage: true,
    additionalPrinterColumns: resource.columns,
    schema: { openAPIV3Schema: schemaOf(resource) },
    subresources: { status: {}, ...(resource.scale === undefined ? {} : { scale: resource.scale }) },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${resource.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.kind.toLowerCase(),
        shortNames: [resource.shortName],
        categories: ["fairlead"],
      },
      scope: "Namespaced",
      versions: [version as unknown as Json],
    },
  };
}
