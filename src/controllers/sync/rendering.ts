import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { plainPath } from "../../core/render/paths.ts";
import type { Renderer, RenderResult, SourceTree } from "../../ports/render.ts";
import { ignoring } from "./ignoring.ts";

/** Renders what a sync follows in the tree of a commit. Errors of the tree pass through. */
export async function renderTree(
  { spec }: GitSync,
  tree: SourceTree,
  timeoutMs: number,
  renderer: Renderer,
  signal: AbortSignal,
): Promise<RenderResult> {
  const path = plainPath(spec.path);
  const kept = await ignoring(tree, path, spec.ignore ?? [], signal);
  return renderer.render({ tree: kept, path, timeoutMs }, signal);
}
