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
])("%s is refused before anything is written", async (_name, url, credentials, reason, words) => {
  await expect(open(url, credentials)).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  expect(readdirSync(root)).toEqual([]);
});
