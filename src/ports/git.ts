/** Names a state of a repository: exactly one member is set. */
export interface GitRef {
  readonly branch?: string;
  readonly tag?: string;
  readonly commit?: string;
}

/** How a repository is reached. Values are secrets: never log one. */
export interface GitCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly bearerToken?: string;
  /** PEM bundle that replaces the system's certificate authorities. */
  readonly caCert?: string;
  readonly sshPrivateKey?: string;
  readonly knownHosts?: string;
}

/** Where a repository is and how to get in. */
export interface GitSource {
  readonly url: string;
  readonly ref: GitRef;
  readonly credentials: GitCredentials;
  /** The bound of each git operation, in milliseconds. */
  readonly timeoutMs: number;
}

/** A commit that is present in the local store. */
export interface Commit {
  /** Full hash. */
  readonly sha: string;
  readonly subject: string;
  readonly author: string;
  /** Trailers of the message, keys in lower case: `{"fairlead-prune": ["confirm"]}`. */
  readonly trailers: Readonly<Record<string, readonly string[]>>;
  /** True when the branch was rewritten: the commit before is no ancestor of this one. It stays true until the next commit. */
  readonly forced: boolean;
}

/** One file of a commit, read from the tree; never a symlink's target. */
export interface GitFile {
  /** Path from the repository's root. */
  readonly path: string;
  /** Hash of the content. */
  readonly blob: string;
  readonly bytes: Uint8Array;
}

/** The files below a path at a commit. */
export interface GitTree {
  /** Hash of the tree: equal hashes mean equal content. */
  readonly tree: string;
  /** Sorted by path. */
  readonly files: readonly GitFile[];
}

/** Why Git could not be read, as the user needs to know it. */
export type GitErrorReason =
  | "InvalidURL"
  | "HostUnreachable"
  | "HostUnknown"
  | "TLSFailed"
  | "AuthFailed"
  | "HostKeyMismatch"
  | "RepositoryNotFound"
  | "RefNotFound"
  | "PathNotFound"
  | "InvalidRef"
  | "InvalidPath"
  | "SymlinkRefused"
  | "LfsPointerRefused"
  | "TooLarge"
  | "Timeout"
  | "GitFailed";

/** A failed Git operation. The message is one sentence with the way out and holds no credential. */
export class GitError extends Error {
  override readonly name = "GitError";
  readonly reason: GitErrorReason;
  constructor(reason: GitErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Reads repositories through a shared local store. Errors are `GitError`s. */
export interface Git {
  /** Asks the remote for the ref (one ls-remote) and fetches only when it moved. */
  resolve(source: GitSource, signal: AbortSignal): Promise<Commit>;
  /** The hash of the tree at a path: cheap, to see whether anything below it changed. */
  treeHash(source: GitSource, sha: string, path: string, signal: AbortSignal): Promise<string>;
  /** Reads the regular files below a path that `wants` accepts; it is asked with their path below `path`. */
  read(
    source: GitSource,
    sha: string,
    path: string,
    wants: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<GitTree>;
}
