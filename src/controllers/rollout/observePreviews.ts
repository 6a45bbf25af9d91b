import { stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { ProgressiveRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "../../core/rollout/because.ts";
import { type PreviewSeen, previewName } from "../../core/rollout/preview.ts";
import type { RolloutCaches } from "./caches.ts";

/** Preview Services of a rollout, whatever they are called by now. */
export function previewsOf(caches: RolloutCaches, namespace: string, rollout: string): readonly PreviewSeen[] {
  return caches.services
    .list(namespace)
    .filter((service) => isPreviewOf(service, rollout))
    .map((service) => ({
      name: service.metadata.name,
      revision: stringAt(service, "spec", "selector", Mark.revision) ?? "",
    }));
}

function isPreviewOf({ metadata }: Manifest, rollout: string): boolean {
  return metadata.labels?.[Mark.preview] === "true" && metadata.labels[Mark.rollout] === rollout;
}

/** Why the preview cannot have the name that it wants. */
export function previewTaken(caches: RolloutCaches, { object, spec }: ProgressiveRollout): Because | undefined {
  const name = previewName(spec);
  const there = caches.services.get(`${object.metadata.namespace ?? ""}/${name}`);
  if (name === undefined || there === undefined || isPreviewOf(there, object.metadata.name)) return undefined;
  return because(
    "PreviewConflict",
    `Service ${name} exists and is not this rollout's, so it cannot become the preview of the candidate`,
    "set strategy.blueGreen.previewService to a free name, or remove that Service",
  );
}
