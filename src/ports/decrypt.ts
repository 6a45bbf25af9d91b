import type { Position } from "../api/rendered.ts";
import type { GitFile } from "./git.ts";

/** An encrypted file that stays one. The message says the way out and holds neither a key nor plain text. */
export class DecryptError extends Error {
  override readonly name = "DecryptError";
  readonly position: Position;
  constructor(position: Position, message: string) {
    super(message);
    this.position = position;
  }
}

/** Decrypts files of a repository. */
export interface Decrypter {
  /** Gives the file with its plain text and another `blob`, or as it is if nothing in it is encrypted. Throws a `DecryptError`. */
  decrypt(file: GitFile, identities: readonly string[], signal: AbortSignal): Promise<GitFile>;
}
