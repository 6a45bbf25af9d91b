/** Names a state of a repository: exactly one member is set. */
export interface GitRef {
  readonly branch?: string | undefined;
  readonly tag?: string | undefined;
  /** A range such as `>=1.2 <2`: the highest version among the tags. */
  readonly semver?: string | undefined;
  /** A full name, such as refs/pull/7/head. */
  readonly name?: string | undefined;
  readonly commit?: string | undefined;
}

/** How a repository is reached. Values are secrets: never log one. */
export interface GitCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly bearerToken?: string;
  /** PEM bundle that replaces the system's certificate authorities. */
  readonly caCert?: string;
  /** PEM certificate and key that this side shows over https. */
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly sshPrivateKey?: string;
  readonly sshPassphrase?: string;
  readonly knownHosts?: string;
  /** An app whose installation tokens stand in for user and password. */
  readonly app?: GitApp;
  /** The proxy for https, in the place of the operator's own. */
  readonly proxy?: { readonly address: string; readonly username?: string; readonly password?: string };
}

/** An app as GitHub and its followers know it: its key is traded for tokens of an hour. */
export interface GitApp {
  readonly id: string;
  readonly installation: string;
  /** RSA key, PEM. */
  readonly privateKey: string;
  /** Base of the API; https://api.github.com unless set. */
  readonly api?: string;
}

/** Where a repository is and how to get in. */
export interface GitSource {
  readonly url: string;
  readonly ref: GitRef;
  readonly credentials: GitCredentials;
  /** The bound of each git operation, in milliseconds. */
  readonly timeoutMs: number;
  /** Read what submodules hold, as if it stood in the repository; otherwise one below a path is refused. */
  readonly submodules?: boolean;
  /** Fetch what stands behind LFS pointers; otherwise a wanted file that is one is refused. */
  readonly lfs?: boolean;
}

/** A commit that is present in the local store. */
export interface Commit {
  /** Full hash. */
  readonly sha: string;
  readonly subject: string;
  readonly author: string;
  /** Trailers of the message, keys in lower case: `{"fairlead-prune": ["confirm"]}`. */
  readonly trailers: Readonly<Record<string, readonly string[]>>;
  /** Full name of the ref that stands for it, `refs/heads/main`; absent when the source names the commit itself. */
  readonly ref?: string;
  /** Hash of the tag object, when the ref is an annotated tag. */
  readonly tag?: string;
}

/** What a ref stands for at its remote. */
export interface Resolved extends Commit {
  /** When the remote was asked, in epoch milliseconds. */
  readonly askedAt: number;
}

/** One file of a commit, read from the tree; never a symlink's target. */
export interface GitFile {
  /** Path from the repository's root. */
  readonly path: string;
  /** Hash of the content. */
  readonly blob: string;
  readonly bytes: Uint8Array;
  /** Git has it encrypted: no message may show any text of it. */
  readonly secret?: boolean;
}

/** What stands at a path of a commit. */
export interface GitEntry {
  readonly kind: "File" | "Directory" | "Link" | "Submodule";
  /** Hash of the content; of a directory: of everything below it. */
  readonly hash: string;
}

/** Why Git could not be read, as the user needs to know it. */
export type GitErrorReason =
  | "InvalidURL"
  | "HostUnreachable"
  | "HostUnknown"
  | "HostRefused"
  | "TLSFailed"
  | "AuthFailed"
  | "AccessDenied"
  | "RateLimited"
  | "HostError"
  | "HostKeyMismatch"
  | "RepositoryNotFound"
  | "RefNotFound"
  | "PathNotFound"
  | "InvalidRef"
  | "InvalidPath"
  | "SymlinkRefused"
  | "LfsPointerRefused"
  | "LfsFailed"
  | "ObjectRefused"
  | "SubmoduleRefused"
  | "TooLarge"
  | "Timeout"
  | "GitFailed";

/** A failed Git operation. The message is one sentence with the way out and holds no credential. */
export class GitError extends Error {
  override readonly name = "GitError";
  readonly reason: GitErrorReason;
  /** How long the host wants to be left alone, in milliseconds, if it said so. */
  readonly retryAfterMs: number | undefined;
  constructor(reason: GitErrorReason, message: string, { retryAfterMs }: { readonly retryAfterMs?: number } = {}) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A commit or tag, byte for byte. */
export interface RawObject {
  readonly sha: string;
  readonly bytes: Uint8Array;
}

/** A part of a history. */
export interface History {
  /** The newest first. */
  readonly commits: readonly RawObject[];
  /** Commits of the trusted history that these stand on; undefined: the newest alone was asked for. */
  readonly boundary: ReadonlySet<string> | undefined;
}

/** Reads what came before a commit. Errors are `GitError`s. */
export interface GitHistory {
  /** Tells whether an older commit is in the history of a newer one; one that is not in the store is in none. */
  descends(source: GitSource, newer: string, older: string, signal: AbortSignal): Promise<boolean>;
  /**
   * The commits of a history that are not in that of any trusted one. The newest is always the first; without a trusted
   * one, or when it is in the trusted history itself, it is the only one. So many that they cost too much are an error.
   */
  since(source: GitSource, sha: string, trusted: readonly string[], signal: AbortSignal): Promise<History>;
  /** A tag object. */
  tag(source: GitSource, sha: string, tag: string, signal: AbortSignal): Promise<Uint8Array>;
}

/** Reads repositories through a shared local store. Errors are `GitError`s. */
export interface Git extends GitHistory {
  /**
   * Asks the remote for the ref (one ls-remote) and fetches only when it moved. An answer to somebody else is as good
   * if it was asked for after `since`, in epoch milliseconds; without it the remote is asked.
   */
  resolve(source: GitSource, signal: AbortSignal, since?: number): Promise<Resolved>;
  /**
   * What stands at each path, from the repository's root: cheap, to see whether anything there changed.
   * A path where there is nothing, or that leads through a symbolic link, is left out.
   */
  look(
    source: GitSource,
    sha: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, GitEntry>>;
  /** Reads the regular files at and below the paths that `wants` accepts, sorted by path. Each path must be there. */
  read(
    source: GitSource,
    sha: string,
    paths: readonly string[],
    wants: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly GitFile[]>;
}
