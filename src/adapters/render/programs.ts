import { accessSync, constants } from "node:fs";
import { join, resolve } from "node:path";
import type { Programs } from "./sandbox.ts";

/** Paths that were given on the command line. */
export interface GivenPrograms {
  readonly kustomize?: string;
  readonly helm?: string;
  readonly sandbox?: string;
}

/** Finds the programs that render: where the command line says, else in the first of the directories that has them. */
export function findPrograms(given: GivenPrograms, directories: readonly string[]): Programs {
  const find = (name: string): string | undefined =>
    directories.map((directory) => resolve(join(directory, name))).find(isExecutable);
  const path = (file: string | undefined): string | undefined => (file === undefined ? undefined : resolve(file));
  return {
    kustomize: path(given.kustomize) ?? find("kustomize"),
    helm: path(given.helm) ?? find("helm"),
    sandbox: path(given.sandbox) ?? find("fairlead-sandbox"),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
