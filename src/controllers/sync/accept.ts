import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";

/** The one commit that a person accepts, whatever speaks against it. */
export function acceptedBy({ object }: GitSync): string | undefined {
  return object.metadata.annotations?.[Mark.acceptRevision];
}

/** The command that accepts a commit. */
export function acceptCommand({ object }: GitSync, sha: string): string {
  const { namespace = "", name } = object.metadata;
  return `kubectl -n ${namespace} annotate gitsync ${name} --overwrite ${Mark.acceptRevision}=${sha}`;
}
