import type { Origin } from "../../api/v1alpha1/cursor.ts";
import { clip, oneLine } from "../status/text.ts";

/** A commit as a sync knows it; `author` is a name and an address: `A Person <person@example.com>`. */
export interface CommitNamed {
  readonly sha: string;
  readonly author: string;
}

/**
 * What a rollout remembers of a commit: its hash, and its author by name alone. Whoever may push writes that name, so it can
 * neither move a terminal nor be long, and no Event carries it.
 */
export function originOf({ sha, author }: CommitNamed): Origin {
  const name = clip(oneLine(author.replace(/<[^<>]*>\s*$/, "")), 100);
  return { commit: sha, ...(name === "" ? {} : { author: name }) };
}
