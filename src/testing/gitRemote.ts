import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { createGit, type GitStoreOptions } from "../adapters/git/store.ts";
import type { Git, GitCredentials, GitRef, GitSource } from "../ports/git.ts";
import { type GitHttpServer, serveGit } from "./gitHttpServer.ts";
import { createRepository, type TestRepository } from "./gitRepository.ts";
import { selfSigned } from "./selfSigned.ts";

/** A remote over TLS with a fresh repository for each test of a file. */
export interface TestRemote {
  readonly server: GitHttpServer;
  readonly repository: TestRepository;
  /** Directory of the repositories. */
  readonly root: string;
  /** Directories of this test alone. */
  readonly cacheRoot: string;
  readonly tempRoot: string;
  /** A store in these directories that may ask the server of this test. */
  store(options?: Partial<GitStoreOptions>): Git;
  source(ref?: GitRef, credentials?: GitCredentials, timeoutMs?: number): GitSource;
  /** The directory of the one repository in the cache. */
  cached(): string;
  /** Counts the requests that a piece of work makes. */
  requests(work: () => Promise<unknown>): Promise<{ readonly calls: number; readonly fetches: number }>;
}

/** Sets a remote up around the tests of a file. */
export function useRemote(): TestRemote {
  const certificate = selfSigned("git");
  const root = mkdtempSync(join(tmpdir(), "fairlead-git-"));
  let server: GitHttpServer;
  let repository: TestRepository;
  let count = 0;
  beforeAll(async () => {
    server = await serveGit(join(root, "remote"), certificate);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });
  beforeEach(() => {
    count += 1;
    repository = createRepository(join(root, "remote"), `r${count}.git`);
  });
  afterEach(() => {
    server.answer = undefined;
    server.authorization = undefined;
  });
  return {
    get server() {
      return server;
    },
    get repository() {
      return repository;
    },
    root: join(root, "remote"),
    get cacheRoot() {
      return join(root, `cache${count}`);
    },
    get tempRoot() {
      return join(root, `temp${count}`);
    },
    store(options = {}) {
      const { cacheRoot, tempRoot } = this;
      return createGit({ cacheRoot, tempRoot, hosts: { addresses: "any" }, askDistanceMs: 0, ...options });
    },
    source(ref = { branch: "main" }, credentials = {}, timeoutMs = 10_000) {
      const url = `${server.url}/r${count}.git`;
      return { url, ref, credentials: { caCert: certificate.cert, ...credentials }, timeoutMs };
    },
    cached() {
      const [name = ""] = readdirSync(this.cacheRoot);
      return join(this.cacheRoot, name);
    },
    async requests(work) {
      const before = { ...server.seen };
      await work();
      return {
        calls: server.seen.advertisements - before.advertisements,
        fetches: server.seen.fetches - before.fetches,
      };
    },
  };
}
