import type { Cursor, Stage } from "../../api/v1alpha1/cursor.ts";
import type { RolloutSpec } from "../../api/v1alpha1/progressiverollout.ts";
import type { Seen } from "./seen.ts";

/** A preview Service of the rollout, and the revision that it reaches. */
export interface PreviewSeen {
  readonly name: string;
  readonly revision: string;
}

/** Writes that keep the preview Service at the candidate. */
export type PreviewEffect =
  | { readonly do: "Preview"; readonly service: string; readonly revision: string }
  | { readonly do: "RemovePreview"; readonly service: string };

/** Stages in which the revisions are there to be looked at. */
const SHOWS: ReadonlySet<Stage> = new Set(["Resting", "Stepping", "Switching", "Returning"]);

/** The name of the preview Service; undefined where the strategy has none. */
export function previewName({ strategy, serviceRef }: RolloutSpec): string | undefined {
  if (strategy.blueGreen === undefined) return undefined;
  return strategy.blueGreen.previewService ?? `${serviceRef.name}-preview`;
}

/** Its address never changes: it reaches the candidate, and stable while there is none. */
export function previewEffects(seen: Seen, cursor: Cursor): readonly PreviewEffect[] {
  const name = SHOWS.has(cursor.stage) ? previewName(seen.spec) : undefined;
  const revision = cursor.candidate ?? cursor.toward ?? cursor.stable;
  const effects: PreviewEffect[] = seen.previews
    .filter((preview) => preview.name !== name)
    .map((preview) => ({ do: "RemovePreview", service: preview.name }));
  // A name that another Service has is told as a problem of the input; that Service is never touched.
  if (name === undefined || seen.problem?.reason === "PreviewConflict") return effects;
  const there = seen.previews.some((preview) => preview.name === name && preview.revision === revision);
  return there ? effects : [...effects, { do: "Preview", service: name, revision }];
}
