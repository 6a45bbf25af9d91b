import { GitError, type GitSource } from "../../ports/git.ts";
import type { Local } from "./commit.ts";
import { plain } from "./errors.ts";
import type { Hosts } from "./hosts.ts";
import { collector, runGit } from "./process.ts";
import { lookAt, readTree } from "./tree.ts";
import { parseRemote, parseSha } from "./validate.ts";

/** A commit of another repository that stands at a path. */
export interface Submodule {
  readonly path: string;
  readonly sha: string;
}

/** Submodules in submodules, and how many in one reading. */
export const submoduleBounds = { depth: 4, count: 64 };

/** The first submodule on the way to a path, the path itself included. */
export async function submoduleOn(local: Local, sha: string, path: string): Promise<Submodule | undefined> {
  const names = path.split("/");
  for (let n = 1; n <= names.length; n += 1) {
    const prefix = names.slice(0, n).join("/");
    const entry = (await lookAt(local, sha, [prefix])).get(prefix);
    if (entry?.kind === "Submodule") return { path: prefix, sha: entry.hash };
    if (entry?.kind !== "Directory") return undefined;
  }
  return undefined;
}

/** What of the policy is about hosts that a repository names. */
export interface SubmodulePolicy {
  readonly hosts: Hosts;
  readonly protocols: readonly string[];
}

/**
 * The source of a submodule, as `.gitmodules` of its commit has it. Its host must be the source's own or named by the operator's
 * administrator, and gets the credentials only if it is the source's own, by the same protocol and port.
 */
export async function sourceOfSubmodule(
  local: Local,
  source: GitSource,
  at: { readonly sha: string; readonly submodule: Submodule; readonly shown: string },
  { hosts, protocols }: SubmodulePolicy,
): Promise<GitSource> {
  const { submodule } = at;
  const urls = await urlsIn(local, at.sha);
  const given = urls.get(submodule.path);
  if (given === undefined) throw refused(at.shown, "has no url in .gitmodules; correct that file");
  const parent = parseRemote(source.url, protocols);
  const url = /^\.\.?\//.test(given) ? relative(parent.url, given) : given;
  if (url === undefined) throw refused(at.shown, "has a url that steps out of its host; correct .gitmodules");
  const remote = ((): ReturnType<typeof parseRemote> => {
    try {
      return parseRemote(url, protocols);
    } catch (error) {
      throw refused(at.shown, `has a url that is refused: ${error instanceof Error ? error.message : String(error)}`);
    }
  })();
  if (remote.name.toLowerCase() !== parent.name.toLowerCase() && !hosts.names(remote.name)) {
    const message = `is at ${remote.name}, which is neither the host of spec.url nor named by the operator's --git-hosts`;
    throw new GitError("HostRefused", `the submodule ${at.shown} ${message}`);
  }
  const { caCert, proxy } = source.credentials;
  const isOwn = remote.host.toLowerCase() === parent.host.toLowerCase() && remote.protocol === parent.protocol;
  const open = { ...(caCert === undefined ? {} : { caCert }), ...(proxy === undefined ? {} : { proxy }) };
  return {
    ...source,
    url: remote.url,
    ref: { commit: parseSha(submodule.sha) },
    credentials: isOwn ? source.credentials : open,
  };
}

/** Says that a submodule is not read, and what makes it. */
export function refused(path: string, why: string): GitError {
  return new GitError("SubmoduleRefused", `${plain(path, 300)} is a submodule that ${why}`);
}

/** The urls in `.gitmodules` by their path. git reads the file itself, which includes nothing; nothing else in it counts. */
async function urlsIn(local: Local, sha: string): Promise<ReadonlyMap<string, string>> {
  const limits = { files: 1, fileBytes: 1024 * 1024, totalBytes: 1024 * 1024 };
  if (!(await lookAt(local, sha, [".gitmodules"])).has(".gitmodules")) return new Map();
  const { files } = await readTree(local, { sha, paths: [".gitmodules"], limits }, () => true);
  const output = collector(8 * limits.fileBytes, ".gitmodules");
  const { code } = await runGit({
    ...local,
    args: ["config", "--no-includes", "--file", "-", "--null", "--list"],
    input: Buffer.from(files[0]?.bytes ?? []).toString("utf8"),
    sink: output.sink,
  });
  if (code !== 0) throw new GitError("SubmoduleRefused", ".gitmodules cannot be read; correct that file");
  const [paths, urls] = [new Map<string, string>(), new Map<string, string>()];
  for (const entry of output.text().split("\0")) {
    const [, name = "", key] = /^submodule\.(.*)\.([a-z]+)$/s.exec(entry.split("\n", 1)[0] ?? "") ?? [];
    const value = entry.slice(entry.indexOf("\n") + 1);
    if (key === "path") paths.set(name, value);
    if (key === "url") urls.set(name, value);
  }
  return new Map([...paths].flatMap(([name, path]) => (urls.has(name) ? [[path, urls.get(name) ?? ""] as const] : [])));
}

/** A url beginning with `./` or `../`, from the parent's; undefined if it would leave the host's root. */
function relative(parent: string, given: string): string | undefined {
  const [, origin = "", path = ""] = /^([a-z]+:\/\/[^/]*)\/(.*)$/.exec(parent) ?? [];
  const names = path.replace(/\/+$/, "").split("/");
  for (const part of given.split("/")) {
    if (part === "..") {
      if (names.pop() === undefined) return undefined;
    } else if (part !== "." && part !== "") names.push(part);
  }
  return names.length === 0 ? undefined : `${origin}/${names.join("/")}`;
}
