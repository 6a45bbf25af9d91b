import { createHash } from "node:crypto";
import { Range } from "semver";
import { GitError, type GitRef } from "../../ports/git.ts";

/** A checked address: nothing in it can be read as an option, a command or a credential. */
export interface Remote {
  /** What git is given. */
  readonly url: string;
  readonly protocol: string;
  /** Host with its port, as messages and scoped settings name it. */
  readonly host: string;
  /** Host without its port; an IPv6 address in brackets. */
  readonly name: string;
  readonly port: number;
  /** Path of the URL, as given. */
  readonly path: string;
}

/** A checked reference and where the local store keeps it. */
export type Wanted =
  | { readonly kind: "Commit"; readonly sha: string; readonly local: string }
  /** `local` only tells ranges apart: the tag that is chosen is kept as any other tag. */
  | { readonly kind: "Semver"; readonly name: string; readonly range: Range; readonly local: string }
  | Named;

/** One reference of the remote. */
export interface Named {
  readonly kind: "Branch" | "Tag" | "Ref";
  readonly name: string;
  readonly remote: string;
  readonly local: string;
}

const scpLike = /^([A-Za-z0-9_][A-Za-z0-9._-]*)@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][^:/@]*):(?!\/\/)(.+)$/;
const parts = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:([^/@]*)@)?(\[[0-9A-Fa-f:.]+\]|[^/:@[\]]*)(?::([0-9]{1,5}))?(\/.*)?$/;
const hostName = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const urlPath = /^\/[A-Za-z0-9._~+=:@%,/-]+$/;
const refName = /^[A-Za-z0-9._/@#+=,%!-]+$/;
const hash = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Checks an address against the allowed protocols; `git@host:path` becomes `ssh://git@host/path`. */
export function parseRemote(given: string, protocols: readonly string[]): Remote {
  if (!/^[\x21-\x7e]{1,2048}$/.test(given)) {
    throw invalidUrl("the URL is empty, too long, or has a character that is not printable ASCII; encode it as %XX");
  }
  const scp = scpLike.exec(given);
  const url = scp === null ? given : `ssh://${scp[1]}@${scp[2]}/${(scp[3] ?? "").replace(/^\/+/, "")}`;
  const [, scheme, user, host = "", port, path = ""] = parts.exec(url) ?? [];
  if (scheme === undefined) {
    throw invalidUrl(`the URL is no address that Fairlead reads; write ${example(protocols)}`);
  }
  const protocol = scheme.toLowerCase();
  if (!protocols.includes(protocol)) {
    throw invalidUrl(`the protocol ${protocol} is not allowed; use ${example(protocols)}`);
  }
  if (protocol === "ssh" ? user?.includes(":") : user !== undefined) {
    throw invalidUrl("the URL holds a credential; take it out and put it into the Secret that the source names");
  }
  if (user !== undefined && !userName.test(user)) {
    throw invalidUrl("the user in the URL may hold letters, digits, '.', '_' and '-' only and not begin with '-'");
  }
  if (protocol !== "file" && !hostName.test(host)) {
    throw invalidUrl("the host in the URL is missing or is no host name; it may not begin with '-'");
  }
  if (!urlPath.test(path) || /%(?:[01][0-9a-f]|7f)/i.test(path) || /%(?![0-9a-f]{2})/i.test(path)) {
    throw invalidUrl("the path of the URL is missing or has a character other than letters, digits and ._~+=:@%,/-");
  }
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw invalidUrl("the port in the URL is none; it is a number from 1 to 65535");
  }
  const address = `${host}${port === undefined ? "" : `:${port}`}`;
  const login = user === undefined ? "" : `${user}@`;
  return {
    url: `${protocol}://${login}${address}${path}`,
    protocol,
    host: address,
    name: host,
    port: Number(port ?? (protocol === "ssh" ? 22 : 443)),
    path,
  };
}

/** Checks that a reference names exactly one thing to follow, by the rules of `git check-ref-format`. */
export function parseRef(ref: GitRef): Wanted {
  const given = Object.entries(ref).filter(([, value]) => value !== undefined);
  const [kind, value] = given[0] ?? [];
  if (given.length !== 1 || typeof value !== "string") {
    throw new GitError("InvalidRef", "the reference must set exactly one of branch, tag, semver, name and commit");
  }
  if (kind === "commit") {
    const sha = value.toLowerCase();
    if (hash.test(sha)) return { kind: "Commit", sha, local: `refs/fairlead/commits/${sha}` };
    throw new GitError(
      "InvalidRef",
      "a commit is named by its full hash of 40 hexadecimal digits, not by a part of it",
    );
  }
  if (kind === "semver") return { kind: "Semver", name: value, range: parseRange(value), local: `semver ${value}` };
  const full = kind === "name";
  if (full && !/^refs\/./.test(value)) {
    throw new GitError("InvalidRef", "a full name begins with refs/, for example refs/pull/7/head");
  }
  const why = refProblem(full ? value.slice("refs/".length) : value);
  if (why !== undefined) throw new GitError("InvalidRef", `the ${full ? "full" : kind} name is not valid: ${why}`);
  return full ? named("Ref", value) : kind === "tag" ? tagNamed(value) : named("Branch", value);
}

/** A tag by its short name. */
export function tagNamed(name: string): Named {
  return named("Tag", name);
}

function named(kind: Named["kind"], name: string): Named {
  const space = { Branch: "heads", Tag: "tags", Ref: "names" }[kind];
  // Hashed, because "a" and "a/b" may follow each other on a remote but cannot stand beside each other in a store.
  const file = createHash("sha256").update(name).digest("hex");
  return {
    kind,
    name,
    remote: kind === "Ref" ? name : `refs/${space}/${name}`,
    local: `refs/fairlead/${space}/${file}`,
  };
}

/** Reads a range as npm does; a comma joins as a space does. A pre-release is taken only by a range that names one. */
function parseRange(text: string): Range {
  const plain = text.replaceAll(",", " ");
  try {
    if (text.length <= 255 && plain.trim() !== "") {
      return new Range(plain, { includePrerelease: /[0-9x*]-[0-9A-Za-z]/.test(plain) });
    }
  } catch {
    // told below
  }
  throw new GitError("InvalidRef", "semver is no range of versions; write for example >=1.2 <2, ~1.4 or 1.x");
}

/** The port of an https address. */
export function portOf({ port }: URL): number {
  return port === "" ? 443 : Number(port);
}

/** Checks a full commit hash that comes from a status or an earlier answer. */
export function parseSha(sha: string): string {
  if (!hash.test(sha)) throw new GitError("InvalidRef", "a commit is named by its full hash of 40 hexadecimal digits");
  return sha;
}

/** Checks a path inside a repository and brings it into the one form: "" is the root, no slash at either end. */
export function parsePath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (path.length > 1024 || /[\x00-\x1f\x7f\\]/.test(path)) {
    throw new GitError(
      "InvalidPath",
      "the path is too long or has a backslash or control character; separate with '/'",
    );
  }
  if (path.startsWith("/")) {
    throw new GitError(
      "InvalidPath",
      "the path is absolute; write it from the repository's root, without a leading '/'",
    );
  }
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) {
    throw new GitError("InvalidPath", "the path has '..'; write it from the repository's root without stepping up");
  }
  return names.join("/");
}

function refProblem(name: string): string | undefined {
  if (name.length === 0 || name.length > 255) return "it must have 1 to 255 characters";
  if (name.startsWith("-")) return "it begins with '-'";
  if (name.startsWith("refs/")) return "give the short name, without refs/heads/ or refs/tags/";
  if (!refName.test(name)) return "it may hold letters, digits and ._/@#+=,%!- only";
  if (name.includes("..") || name.includes("@{") || name === "@") return "it has '..' or '@{', or is '@'";
  if (name.endsWith(".")) return "it ends with '.'";
  const bad = name.split("/").some((part) => part === "" || part.startsWith(".") || part.endsWith(".lock"));
  return bad ? "a part between slashes is empty, begins with '.' or ends with '.lock'" : undefined;
}

function example(protocols: readonly string[]): string {
  const known: Readonly<Record<string, string>> = {
    https: "https://host/path.git",
    ssh: "ssh://git@host/path.git",
  };
  return protocols.map((protocol) => known[protocol] ?? `${protocol}://…`).join(" or ");
}

function invalidUrl(message: string): GitError {
  return new GitError("InvalidURL", message);
}
