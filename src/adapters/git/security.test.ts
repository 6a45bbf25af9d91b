import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { GitCredentials, GitRef } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import type { GitStoreOptions } from "./store.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();
const store = (options?: Partial<GitStoreOptions>) => remote.store(options);

describe("credentials", () => {
  test.each<[string, GitCredentials, string]>([
    [
      "a password",
      { username: "bot", password: "s3cret-päss\n" },
      `Basic ${Buffer.from("bot:s3cret-päss").toString("base64")}`,
    ],
    ["a bearer token", { bearerToken: 'tok"en\\x' }, 'Bearer tok"en\\x'],
  ])("%s reaches the server and leaves no file behind", async (_name, credentials, header) => {
    remote.server.authorization = header;
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    expect((await store().resolve(remote.source({ branch: "main" }, credentials), never)).sha).toBe(sha);
    expect(readdirSync(remote.tempRoot)).toEqual([]);
    expect(readdirSync(remote.cacheRoot).join()).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a wrong one is AuthFailed and is not shown; the right one helps at once", async () => {
    const git = store();
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.server.authorization = "Bearer right-token";
    const failed = git.resolve(remote.source({ branch: "main" }, { bearerToken: "wrong-token" }), never);
    await expect(failed).rejects.toMatchObject({
      reason: "AuthFailed",
      message: expect.not.stringContaining("wrong-token"),
    });
    await expect(
      git.resolve(remote.source({ branch: "main" }, { bearerToken: "right-token" }), never),
    ).resolves.toBeDefined();
  });

  test("never stand in the arguments or the environment of a process", async () => {
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    let seen = "";
    remote.server.answer = (_request, response) => {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        for (const file of ["cmdline", "environ"]) {
          try {
            const text = readFileSync(`/proc/${pid}/${file}`, "latin1");
            if (text.includes(remote.cacheRoot) || text.includes(remote.source().url)) seen += text;
          } catch {
            // the process ended, or is not ours
          }
        }
      }
      response.writeHead(403).end();
    };
    const credentials = { username: "bot", password: "hunter2hunter2" };
    await expect(store().resolve(remote.source({ branch: "main" }, credentials), never)).rejects.toMatchObject({
      reason: "AccessDenied",
    });
    expect(seen).toContain("ls-remote");
    expect(seen).not.toContain("hunter2");
    expect(seen).not.toContain(Buffer.from("bot:hunter2hunter2").toString("base64"));
  });
});

/** Commits one file below a directory, without the checks that keep git from making such trees. */
function commitBelow(directory: string, file: string, text: string): void {
  const { git } = remote.repository;
  const blob = git(["hash-object", "-w", "--stdin"], text);
  const inner = git(["mktree", "-z"], `100644 blob ${blob}\t${file}\0`);
  const tree = git(["mktree", "-z"], `040000 tree ${inner}\t${directory}\0`);
  git(["update-ref", "refs/heads/main", git(["commit-tree", "-m", "lookalike", tree])]);
}

describe("attacks run nothing", () => {
  test("A05: a store with hostile config and hooks, and a repository with lookalikes of them", async () => {
    const canary = `${remote.cacheRoot}-canary`;
    const run = `touch ${canary}`;
    remote.repository.commit({
      "a.yaml": "a: 1\n",
      ".gitattributes": "* filter=evil diff=evil\n",
      ".gitconfig": `[core]\n\tfsmonitor = ${run}\n`,
      "hooks/post-checkout": `#!/bin/sh\n${run}\n`,
      sub: { submodule: "1".repeat(40) },
    });
    await store().resolve(remote.source(), never);
    const dir = remote.cached();
    const evil = ["fsmonitor", "sshCommand", "askPass", "gitProxy", "pager", "editor"].map(
      (key) => `\t${key} = ${run}\n`,
    );
    writeFileSync(
      join(dir, "config"),
      `[core]\n\thooksPath = ${dir}/hooks\n${evil.join("")}[credential]\n\thelper = !${run}\n[url "file:///"]\n\tinsteadOf = https://\n`,
    );
    mkdirSync(join(dir, "hooks"), { recursive: true });
    for (const hook of ["reference-transaction", "post-checkout", "pre-auto-gc", "post-merge"]) {
      writeFileSync(join(dir, "hooks", hook), `#!/bin/sh\n${run}\n`, { mode: 0o755 });
    }
    const next = remote.repository.commit({ "a.yaml": "a: 2\n" });
    const git = store();
    expect((await git.resolve(remote.source(), never)).sha).toBe(next);
    expect((await git.read(remote.source(), next, [""], yaml, never)).map((file) => file.path)).toEqual(["a.yaml"]);
    expect(existsSync(canary)).toBe(false);
  });

  test.each([".GIT", "git~1", ".git ", ".g\u200cit"])(
    "A05: a directory %j, which some file systems take for .git, is refused",
    async (name) => {
      const canary = `${remote.cacheRoot}-canary`;
      commitBelow(name, "config", `[core]\n\tfsmonitor = touch ${canary}\n`);
      await expect(store().resolve(remote.source(), never)).rejects.toMatchObject({ reason: "ObjectRefused" });
      expect(existsSync(canary)).toBe(false);
    },
  );

  test.each([
    ["ext::sh -c touch% CANARY", { branch: "main" }],
    ["ext::sh", { branch: "main" }],
    ["ssh://-oProxyCommand=touch%20CANARY/x", { branch: "main" }],
    ["--upload-pack=touch CANARY", { branch: "main" }],
    ["fd::17/touch", { branch: "main" }],
    ["file:///etc", { branch: "main" }],
    ["https://localhost/x", { name: "refs/heads/--upload-pack=touch CANARY" }],
    ["https://localhost/x", { semver: ">=1; touch CANARY" }],
    ["https://localhost/x", { branch: "--upload-pack=touch CANARY" }],
    ["https://localhost/x", { branch: "refs/heads/$(touch CANARY)" }],
    ["https://localhost/x", { tag: "`touch CANARY`" }],
  ])("A01, A02, A03: %s with %j runs nothing", async (url, ref) => {
    const canary = `${remote.cacheRoot}-canary`;
    const filled = JSON.parse(JSON.stringify(ref).replaceAll("CANARY", canary)) as GitRef;
    const hostile = { ...remote.source(filled), url: url.replaceAll("CANARY", canary) };
    await expect(store().resolve(hostile, never)).rejects.toMatchObject({ reason: expect.stringMatching(/^Invalid/) });
    expect(existsSync(canary)).toBe(false);
  });
});
