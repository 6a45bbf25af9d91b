import { type Json, type JsonObject, sameJson } from "../../api/json.ts";
import type { Manifest, Metadata } from "../../api/objects.ts";
import { isNothing } from "./fieldSet.ts";

/** Fields of which nobody is the owner. */
export const UNOWNED = [
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "managedFields",
];
/** Kinds whose `status` is a subresource; others of ours have none at all. */
export const WITHOUT_STATUS = ["ConfigMap", "ServiceAccount"];

/** An object as it is applied: without what the server sets. */
export function stripped(wanted: Manifest): Manifest {
  const metadata = Object.fromEntries(
    Object.entries(wanted.metadata).filter(
      ([name]) => !UNOWNED.includes(name) && !["uid", "resourceVersion"].includes(name),
    ),
  );
  const { status: _, ...rest } = wanted;
  return {
    ...(WITHOUT_STATUS.includes(wanted.kind) ? wanted : rest),
    metadata: metadata as unknown as Metadata,
  } as Manifest;
}

/** What the server alone writes stays as it is. */
export function keptMetadata(live: Metadata, wanted: Metadata): Metadata {
  const server = Object.fromEntries(
    ["uid", "creationTimestamp", "generation", "resourceVersion"].flatMap((name) =>
      live[name] === undefined ? [] : [[name, live[name]]],
    ),
  );
  const ending = wanted.deletionTimestamp ?? live.deletionTimestamp;
  const { managedFields: _, ...rest } = wanted;
  return {
    ...filled(rest),
    ...server,
    ...(ending === undefined ? {} : { deletionTimestamp: ending, deletionGracePeriodSeconds: 0 }),
  };
}

/** Metadata without empty members. */
export function filled(metadata: Metadata): Metadata {
  const entries = Object.entries(metadata).filter(([, value]) => !isNothing(value));
  return Object.fromEntries(entries) as unknown as Metadata;
}

/** Tells whether a change is one of those that `generation` counts. */
export function isCounted(before: Manifest, after: Manifest): boolean {
  const spec = ({ metadata: _, status: _status, ...rest }: Manifest): JsonObject => rest;
  const begins = before.metadata.deletionTimestamp === undefined && after.metadata.deletionTimestamp !== undefined;
  // A Deployment's controller is told of changed annotations, too.
  const notes = ({ kind, metadata }: Manifest): Json => (kind === "Deployment" ? { ...metadata.annotations } : {});
  return begins || !sameJson(spec(before), spec(after)) || !sameJson(notes(before), notes(after));
}
