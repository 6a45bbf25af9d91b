/** A path in its one form: no empty or `.` part, no slash at either end; "" is the root. `..` stays, for others to refuse. */
export function plainPath(path: string): string {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
}

/** Where a path leads that a file of the repository names. */
export type Resolved =
  | { readonly kind: "Inside"; readonly path: string }
  /** `message` says what is wrong and the way out. */
  | { readonly kind: "Refused"; readonly reason: "InvalidPath" | "RemoteRefused"; readonly message: string };

/** Every way in which kustomize and Helm are told of another host; none of these can be meant as a path. */
const REMOTE: readonly RegExp[] = [
  /:\/\//,
  /^[a-z0-9+.-]+::/i,
  /^[a-z][a-z0-9-]*@/i,
  /^(github\.com|gh|file|oci|s3):/i,
];
const GITHUB = /^github\.com\//i;

/** Resolves a path that a file in `directory` names. What leads out of the repository or to another host is refused. */
export function resolveInside(directory: string, path: string): Resolved {
  const quoted = JSON.stringify(path.slice(0, 200));
  if (GITHUB.test(path) || REMOTE.some((form) => form.test(path)) || path.includes("?")) {
    return {
      kind: "Refused",
      reason: "RemoteRefused",
      message: `${quoted} is on another host, and nothing is fetched while rendering; copy it into the repository`,
    };
  }
  const refused = (message: string): Resolved => ({ kind: "Refused", reason: "InvalidPath", message });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (path === "" || path.length > 1024 || /[\x00-\x1f\x7f\\]/.test(path)) {
    return refused(`${quoted} is no path; write one with '/', without control characters`);
  }
  if (path.startsWith("/")) return refused(`${quoted} is absolute; write it from the file that names it`);
  const names = directory === "" ? [] : directory.split("/");
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.pop() === undefined)
      return refused(`${quoted} leads out of the repository; copy what it names into it`);
  }
  return { kind: "Inside", path: names.join("/") };
}

/** The directory of a file; "" for one at the root. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Tells whether a path stands at or below a directory. */
export function isBelow(path: string, directory: string): boolean {
  return directory === "" || path === directory || path.startsWith(`${directory}/`);
}
