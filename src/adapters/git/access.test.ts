import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { GitCredentials } from "../../ports/git.ts";
import { openAccess } from "./access.ts";
import { parseRemote } from "./validate.ts";

const root = mkdtempSync(join(tmpdir(), "fairlead-access-"));
afterAll(() => rmSync(root, { recursive: true }));

const options = { protocols: ["https", "ssh"], timeoutMs: 1000, processBytes: 2 ** 30, addresses: ["203.0.113.7"] };
const open = (url: string, credentials: GitCredentials) =>
  openAccess(root, parseRemote(url, options.protocols), credentials, options);
const key = { sshPrivateKey: "-----BEGIN KEY-----\r\nabc\r\n-----END KEY-----" };

test("files are private, and gone afterwards", async () => {
  {
    await using access = await open("git@example.com:x", { ...key, knownHosts: "example.com ssh-ed25519 AAAA" });
    const dir = join(access.config, "..");
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const file of ["config", "identity", "known_hosts", "git"])
      expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, "identity"), "utf8")).toBe("-----BEGIN KEY-----\nabc\n-----END KEY-----\n");
    expect(readFileSync(access.config, "utf8")).toContain(`-i ${dir}/identity`);
  }
  expect(readdirSync(root)).toEqual([]);
});

test("A04: nothing in a credential leaves its file or its line", async () => {
  const knownHosts = "example.com ssh-ed25519 AAAA\n'; touch /tmp/c4nary; '\n";
  const evil = { ...key, sshPrivateKey: `${key.sshPrivateKey}\n-o ProxyCommand=id`, sshPassphrase: "'; id; '$(id)" };
  await using access = await open("ssh://git@example.com:2222/x", { ...evil, knownHosts });
  const dir = join(access.config, "..");
  const [line = ""] = /sshCommand = "SSH_ASKPASS.*"/.exec(readFileSync(access.config, "utf8")) ?? [];
  expect(line).not.toMatch(/touch|Proxy|\bid\b/);
  expect(line).toContain("StrictHostKeyChecking=yes");
  expect(line).toContain("-o HostName=203.0.113.7 -o 'HostKeyAlias=[example.com]:2222'");
  expect(execFileSync(join(dir, "ask"), { encoding: "utf8" })).toBe("'; id; '$(id)\n");
});

test("A08: the connection is pinned to the addresses that were checked", async () => {
  await using access = await open("https://example.com/x", {});
  expect(readFileSync(access.config, "utf8")).toContain('curloptResolve = "example.com:443:203.0.113.7"');
});

test("a header is sent to the one host only", async () => {
  await using access = await open("https://example.com:8443/x", { bearerToken: "tok" });
  expect(readFileSync(access.config, "utf8")).toContain(
    '[http "https://example.com:8443/"]\n\textraHeader = "Authorization: Bearer tok"',
  );
});

test.each<[string, string, GitCredentials, string, string]>([
  ["no known_hosts", "ssh://git@example.com/x", key, "HostKeyMismatch", "ssh-keyscan"],
  ["no key", "ssh://git@example.com/x", { knownHosts: "example.com ssh-ed25519 AAAA" }, "AuthFailed", "private key"],
  ["a line break in a token", "https://example.com/x", { bearerToken: "a\nX-Evil: b" }, "AuthFailed", "line break"],
  [
    "a line break in a user",
    "https://example.com/x",
    { username: "a\r\nb", password: "p" },
    "AuthFailed",
    "line break",
  ],
])("A04: %s is refused before anything is written", async (_name, url, credentials, reason, words) => {
  await expect(open(url, credentials)).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  expect(readdirSync(root)).toEqual([]);
});
