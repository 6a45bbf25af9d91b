import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A private directory that goes when it is disposed of, with everything in it. */
export interface Workspace extends AsyncDisposable {
  /** Absolute path. */
  readonly dir: string;
  /** Where a path of the repository is here. */
  at(path: string): string;
  /** Writes files by their path in the repository. */
  write(files: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** A text of a program without the paths of this directory: what stays are paths of the repository. */
  relative(text: string): string;
}

/** Makes a workspace below a directory that only this user can enter. */
export async function openWorkspace(tempRoot: string): Promise<Workspace> {
  const dir = await mkdtemp(join(tempRoot, "fairlead-render-"));
  const root = join(dir, "repository");
  const at = (path: string): string => (path === "" ? root : join(root, path));
  return {
    dir,
    at,
    async write(files) {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const made = new Set<string>();
      for (const [path, bytes] of files) {
        // git refuses such trees on arrival; nothing may be written beside the workspace even if one got through.
        if (path.split("/").some((name) => name === "" || name === "." || name === "..")) {
          throw new Error(`${JSON.stringify(path)} is no path of a file`);
        }
        const directory = dirname(at(path));
        if (!made.has(directory)) await mkdir(directory, { recursive: true, mode: 0o700 });
        made.add(directory);
        await writeFile(at(path), bytes, { mode: 0o600, flag: "wx" });
      }
    },
    relative: (text) => text.replaceAll(`${root}/`, "").replaceAll(root, ".").replaceAll(dir, "."),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }),
  };
}
