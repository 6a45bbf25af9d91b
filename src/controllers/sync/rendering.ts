import type { JsonObject } from "../../api/json.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { plainPath } from "../../core/render/paths.ts";
import { substitute } from "../../core/sync/substitute.ts";
import type { Discovery } from "../../ports/cluster.ts";
import { DecryptError, type Decrypter } from "../../ports/decrypt.ts";
import type { HelmRelease, Renderer, RenderResult, SourceTree } from "../../ports/render.ts";
import { decrypting } from "./decrypting.ts";
import { ignoring } from "./ignoring.ts";
import type { Inputs } from "./inputs.ts";

/** What rendering takes. */
export interface RenderParts {
  readonly renderer: Renderer;
  readonly decrypter: Decrypter;
  readonly discovery: Discovery;
}

/** Renders what a sync follows in the tree of a commit, with the values of its variables. Errors of the tree pass through. */
export async function renderTree(
  sync: GitSync,
  tree: SourceTree,
  timeoutMs: number,
  { renderer, decrypter, discovery }: RenderParts,
  { variables, identities }: Inputs,
  signal: AbortSignal,
): Promise<RenderResult> {
  const { spec } = sync;
  const path = plainPath(spec.path);
  const kept = await ignoring(tree, path, spec.ignore ?? [], signal);
  const plain = decrypting(kept, decrypter, identities);
  const request = { tree: plain, path, timeoutMs, release: releaseOf(sync, discovery) };
  const result = await renderer.render(request, signal).catch(undecrypted);
  if (result.kind === "Broken" || spec.substitute === undefined) return result;
  const filled = substitute(result.objects, variables);
  if (filled.kind === "Refused") return { kind: "Broken", problems: filled.problems };
  return { ...result, objects: filled.objects };
}

function undecrypted(error: unknown): RenderResult {
  if (!(error instanceof DecryptError)) throw error;
  const { position, message } = error;
  return { kind: "Broken", problems: [{ reason: "DecryptionFailed", position, message }] };
}

/** What a chart is rendered as, if there is one. */
function releaseOf({ object, spec }: GitSync, discovery: Discovery): HelmRelease {
  const { name, namespace = "" } = object.metadata;
  return {
    name: spec.helm?.releaseName ?? name,
    namespace,
    valuesFiles: spec.helm?.valuesFiles ?? [],
    values: (spec.helm?.values ?? {}) as JsonObject,
    facts: (signal) => discovery.facts(signal),
  };
}
