import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Socket } from "node:net";
import { GitError } from "../../ports/git.ts";
import { plain } from "./errors.ts";

/** What git says of one object. `oid` is the one that the asked name stands for. */
export interface ObjectInfo {
  readonly oid: string;
  readonly type: string;
  /** Bytes of its content. */
  readonly size: number;
}

/** One entry of a tree object. `mode` has six octal digits. */
export interface TreeItem {
  readonly mode: string;
  readonly oid: string;
  readonly name: string;
}

/** How long a question may take, and who may leave before it is answered. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Question {
  readonly command: string;
  /** Content beyond this is passed over. 0: only the header is asked for. */
  readonly maxBytes: number;
  readonly answer: (found: Found | undefined) => void;
  readonly fail: (error: Error) => void;
}

interface Found extends ObjectInfo {
  readonly bytes: Buffer;
}

/** A content that is coming. */
interface Reading {
  readonly info: ObjectInfo;
  /** undefined: it is too large and is passed over. */
  readonly chunks: Buffer[] | undefined;
  /** Bytes that are still to come, with the line end after the content. */
  left: number;
}

/** A process that nobody has asked for so long is ended. */
const IDLE_MS = 15_000;
/** So many entries of tree objects are remembered, about 4 MiB. */
const KEPT_ITEMS = 20_000;
/** So many commits are remembered with their trees. */
const KEPT_ROOTS = 1_000;
/** A tree object that is larger has more entries than a directory of manifests ever has. */
const TREE_BYTES = 16 * 1024 * 1024;

/**
 * Reads objects of one repository through one long-lived `git cat-file`: to start a process for each of a thousand syncs that
 * look at the same commit takes ten times as long as all the rest of their look. Trees are remembered, as they never change.
 */
export class GitObjects {
  readonly #env: Readonly<Record<string, string>>;
  readonly #trees = new Map<string, readonly TreeItem[]>();
  /** The trees of commits that are in the store. */
  readonly #roots = new Map<string, string>();
  #kept = 0;
  #child: ChildProcessWithoutNullStreams | undefined;
  #asked: Question[] = [];
  #pending: Buffer[] = [];
  #held = 0;
  #reading: Reading | undefined;
  #idle: NodeJS.Timeout | undefined;
  #stderr = "";

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** What a name stands for; undefined: there is no such object. The name must hold no line break. */
  async info(name: string, patience: Patience): Promise<ObjectInfo | undefined> {
    return this.#ask(`info ${name}`, 0, patience);
  }

  /** The tree of a commit; undefined: there is no such commit. */
  async root(sha: string, patience: Patience): Promise<string | undefined> {
    const known = this.#roots.get(sha);
    if (known !== undefined) return known;
    const oid = (await this.info(`${sha}^{tree}`, patience))?.oid;
    if (this.#roots.size >= KEPT_ROOTS) this.#roots.clear();
    if (oid !== undefined) this.#roots.set(sha, oid);
    return oid;
  }

  /** The content of an object of at most so many bytes; undefined: there is no such object, or it is larger. */
  async content(oid: string, maxBytes: number, patience: Patience): Promise<Buffer | undefined> {
    const found = await this.#ask(`contents ${oid}`, maxBytes, patience);
    return found === undefined || found.size > maxBytes ? undefined : found.bytes;
  }

  /** The entries of a tree object. */
  async tree(oid: string, patience: Patience): Promise<readonly TreeItem[]> {
    const known = this.#trees.get(oid);
    if (known !== undefined) return known;
    const bytes = await this.content(oid, TREE_BYTES, patience);
    if (bytes === undefined) throw new GitError("GitFailed", `missing tree ${oid} in the store; it is tried again`);
    const items = parseTree(bytes, oid.length / 2);
    if (this.#kept + items.length > KEPT_ITEMS) {
      this.#trees.clear();
      this.#kept = 0;
    }
    if (items.length <= KEPT_ITEMS) {
      this.#trees.set(oid, items);
      this.#kept += items.length;
    }
    return items;
  }

  /** Ends the process; the next question starts another one. */
  close(): void {
    // Another process may find another store.
    this.#roots.clear();
    this.#fail(new GitError("GitFailed", "the store was closed; it is tried again"));
  }

  #ask(command: string, maxBytes: number, { timeoutMs, signal }: Patience): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const late = setTimeout(() => {
        const message = `git cat-file did not answer within ${timeoutMs} ms; set a larger timeout`;
        this.#fail(new GitError("Timeout", message));
      }, timeoutMs);
      const left = (): void => settle(() => reject(signal.reason));
      const settle = (end: () => void): void => {
        clearTimeout(late);
        signal.removeEventListener("abort", left);
        end();
      };
      signal.addEventListener("abort", left, { once: true });
      const child = this.#running();
      this.#asked.push({
        command,
        maxBytes,
        answer: (found) => settle(() => resolve(found)),
        fail: (error) => settle(() => reject(error)),
      });
      child.stdin.write(`${command}\n`);
    });
  }

  #running(): ChildProcessWithoutNullStreams {
    clearTimeout(this.#idle);
    if (this.#child !== undefined) return held(this.#child, "ref");
    const child = spawn("git", ["--no-pager", "cat-file", "--batch-command"], { env: this.#env });
    this.#child = child;
    this.#stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (this.#child === child) this.#take(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (this.#stderr.length < 16_384) this.#stderr += chunk.toString("utf8");
    });
    child.stdin.on("error", () => undefined); // it has ended: its exit says why
    child.on("error", (error) => {
      const message = `git cannot be started (${error.message}); the image must contain git`;
      if (this.#child === child) this.#fail(new GitError("GitFailed", message));
    });
    child.on("close", () => {
      const message = `the objects cannot be read (${plain(this.#stderr, 200)}); it is tried again`;
      if (this.#child === child) this.#fail(new GitError("GitFailed", message));
    });
    return child;
  }

  /** Ends the process and with it all questions. */
  #fail(error: Error): void {
    const asked = this.#asked;
    clearTimeout(this.#idle);
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    this.#asked = [];
    this.#pending = [];
    this.#held = 0;
    this.#reading = undefined;
    for (const question of asked) question.fail(error);
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#held += chunk.length;
    for (;;) {
      if (this.#reading !== undefined) {
        if (!this.#content(this.#reading)) return;
      } else if (!this.#header()) return;
    }
  }

  /** Takes one header line; false: it is not there as a whole. */
  #header(): boolean {
    const question = this.#asked[0];
    if (question === undefined || this.#held === 0) return false;
    const data = Buffer.concat(this.#pending);
    const end = data.indexOf(10);
    this.#pending = [data];
    if (end < 0) return false;
    this.#keep(data.subarray(end + 1));
    const line = data.toString("utf8", 0, end);
    const [, oid = "", type = "", size = ""] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line) ?? [];
    if (oid === "") {
      if (/ (missing|ambiguous)$/.test(line)) this.#answered(undefined);
      else this.#fail(new GitError("GitFailed", `git cat-file answered ${plain(line, 100)}; it is tried again`));
      return true;
    }
    const info = { oid, type, size: Number(size) };
    if (question.command.startsWith("info ")) this.#answered({ ...info, bytes: Buffer.alloc(0) });
    else this.#reading = { info, chunks: info.size > question.maxBytes ? undefined : [], left: info.size + 1 };
    return true;
  }

  /** Takes what has come of a content; false: more is to come. */
  #content(reading: Reading): boolean {
    for (;;) {
      if (reading.left === 0) {
        const bytes = reading.chunks === undefined ? Buffer.alloc(0) : Buffer.concat(reading.chunks);
        this.#reading = undefined;
        // The last byte is the line end after the content.
        this.#answered({ ...reading.info, bytes: bytes.subarray(0, -1) });
        return true;
      }
      const chunk = this.#pending.shift();
      if (chunk === undefined) return false;
      const taken = chunk.subarray(0, reading.left);
      reading.chunks?.push(taken);
      reading.left -= taken.length;
      this.#held -= taken.length;
      if (taken.length < chunk.length) this.#pending.unshift(chunk.subarray(taken.length));
    }
  }

  #keep(rest: Buffer): void {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
  }

  #answered(found: Found | undefined): void {
    this.#asked.shift()?.answer(found);
    if (this.#asked.length > 0 || this.#child === undefined) return;
    held(this.#child, "unref");
    this.#idle = setTimeout(() => this.close(), IDLE_MS);
    this.#idle.unref();
  }
}

/** A process that waits for questions keeps ours from ending only while there are some. */
function held(child: ChildProcessWithoutNullStreams, how: "ref" | "unref"): ChildProcessWithoutNullStreams {
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[how]();
  return child;
}

/** Reads the entries of a tree object: `mode SP name NUL hash`, one after the other. */
function parseTree(bytes: Buffer, hashBytes: number): readonly TreeItem[] {
  const items: TreeItem[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    if (space < 0 || end < 0 || end + hashBytes >= bytes.length) {
      throw new GitError("GitFailed", "a bad tree is in the store; it is tried again");
    }
    items.push({
      mode: bytes.toString("latin1", at, space).padStart(6, "0"),
      name: bytes.toString("utf8", space + 1, end),
      oid: bytes.toString("hex", end + 1, end + 1 + hashBytes),
    });
    at = end + 1 + hashBytes;
  }
  return items;
}
