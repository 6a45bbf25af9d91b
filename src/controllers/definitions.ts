import { setTimeout as sleep } from "node:timers/promises";
import { RESOURCES, type Resource, schemaOf } from "../api/crd.ts";
import { missingFields } from "../api/crdGap.ts";
import type { Manifest } from "../api/objects.ts";
import { GROUP } from "../api/v1alpha1/names.ts";
import type { Cluster } from "../ports/cluster.ts";
import type { Events } from "../ports/events.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Telemetry } from "../telemetry/metrics.ts";

/** What a look at the stored definitions needs. */
export interface DefinitionParts {
  readonly cluster: Pick<Cluster, "get">;
  readonly events: Events;
  readonly log: Logger;
  readonly telemetry: Pick<Telemetry, "definition">;
}

/** While one is outdated it is looked at again; one that is not is never read again. */
const RECHECK_MS = 60_000;
/** How many fields a message names. */
const NAMED = 5;

/**
 * Holds the stored CustomResourceDefinitions against the schema of this process, until all of them are up to date. An operator
 * that is newer than they are works on; but the API server drops what they do not know from every spec, and somebody must know.
 */
export async function watchDefinitions(
  parts: DefinitionParts,
  signal: AbortSignal,
  recheckMs = RECHECK_MS,
): Promise<void> {
  let outdated = RESOURCES;
  while (outdated.length > 0 && !signal.aborted) {
    const looks = await Promise.all(
      outdated.map(async (resource) => ((await isOutdated(parts, resource, signal)) ? [resource] : [])),
    );
    outdated = looks.flat();
    if (outdated.length > 0) await sleep(recheckMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function isOutdated(parts: DefinitionParts, resource: Resource, signal: AbortSignal): Promise<boolean> {
  const definition = await read(parts, resource, signal);
  if (definition === undefined) return false;
  const missing = missingFields(schemaOf(resource), definition);
  parts.telemetry.definition(resource.kind, missing.length);
  if (missing.length === 0) return false;
  const named = missing.slice(0, NAMED).join(", ");
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : "";
  const message = `the CustomResourceDefinition is older than the operator: the API server drops ${named}${more} from every ${resource.kind}; apply the CRDs of this version`;
  parts.log.warn({ kind: resource.kind, missing }, message);
  parts.events.note(definition, { type: "Warning", reason: "CRDOutdated", message });
  return true;
}

/** A role that does not let it be read must not keep anything from working. */
async function read(parts: DefinitionParts, { plural }: Resource, signal: AbortSignal): Promise<Manifest | undefined> {
  const ref = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: `${plural}.${GROUP}` };
  try {
    return await parts.cluster.get(ref, signal);
  } catch (error) {
    parts.log.debug({ name: ref.name, error }, "the CustomResourceDefinition cannot be read");
    return undefined;
  }
}
