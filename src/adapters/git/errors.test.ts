import { describe, expect, test } from "vitest";
import { parseTrailers } from "./commit.ts";
import { secretsOf } from "./credentials.ts";
import { classify, plain, redact } from "./errors.ts";
import { configText, fixedSettings, sshCommand } from "./settings.ts";

const about = { host: "example.com", url: "https://example.com/x.git", ref: 'branch "main"', secrets: [] };
const tail =
  "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
const access = "fatal: unable to access 'https://example.com/x.git/': ";
const changed = `@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDYAyNrUCX4n1TCmYQ.
Host key for example.com has changed and you have requested strict checking.
Host key verification failed.
`;

describe("the reason and the way out", () => {
  test.each([
    [`${access}Could not resolve host: example.com\n`, "HostUnknown", "DNS"],
    [`ssh: Could not resolve hostname example.com: Name or service not known\r\n${tail}`, "HostUnknown", "DNS"],
    [`ssh: Could not resolve hostname x: Temporary failure in name resolution\r\n${tail}`, "HostUnknown", "DNS"],
    [
      `${access}Failed to connect to example.com port 443 after 0 ms: Couldn't connect to server\n`,
      "HostUnreachable",
      "port 443",
    ],
    [`${access}Connection reset by peer\n`, "HostUnreachable", "reset"],
    [
      "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF\n",
      "HostUnreachable",
      "RPC",
    ],
    [`ssh: connect to host example.com port 22: Connection refused\r\n${tail}`, "HostUnreachable", "refused"],
    [`ssh: connect to host example.com port 22: No route to host\r\n${tail}`, "HostUnreachable", "No route"],
    [`ssh: connect to host example.com port 22: Connection timed out\r\n${tail}`, "Timeout", "larger timeout"],
    [
      `${access}Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds\n`,
      "Timeout",
      "larger timeout",
    ],
    [`${access}server certificate verification failed. CAfile: none CRLfile: none\n`, "TLSFailed", "ca.crt"],
    [`${access}gnutls_handshake() failed: An unexpected TLS packet was received.\n`, "TLSFailed", "ca.crt"],
    [`${access}SSL certificate problem: unable to get local issuer certificate\n`, "TLSFailed", "ca.crt"],
    ["fatal: could not read Username for 'https://example.com': terminal prompts disabled\n", "AuthFailed", "Secret"],
    [
      "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://example.com/x.git/'\n",
      "AuthFailed",
      "Secret",
    ],
    [`${access}The requested URL returned error: 401\n`, "AuthFailed", "Secret"],
    [`${access}The requested URL returned error: 403\n`, "AccessDenied", "right to read"],
    [`${access}Received HTTP code 407 from proxy after CONNECT\n`, "AuthFailed", "spec.proxySecretRef"],
    [`${access}CONNECT tunnel failed, response 407\n`, "AuthFailed", "spec.proxySecretRef"],
    [
      "fatal: attempting to allocate 4294967297 over limit 268435456\nfatal: index-pack failed\n",
      "TooLarge",
      "more memory",
    ],
    [`git@example.com: Permission denied (publickey).\r\n${tail}`, "AuthFailed", "deploy keys"],
    [
      `Load key "/tmp/x/identity": error in libcrypto\r\ngit@example.com: Permission denied (publickey).\r\n${tail}`,
      "AuthFailed",
      "OpenSSH",
    ],
    [`${changed}${tail}`, "HostKeyMismatch", "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDYAyNrUCX4n1TCmYQ"],
    [
      `No ED25519 host key is known for example.com and you have requested strict checking.\r\nHost key verification failed.\r\n${tail}`,
      "HostKeyMismatch",
      "known_hosts",
    ],
    ["fatal: repository 'https://example.com/x.git/' not found\n", "RepositoryNotFound", "may not see it"],
    [`ERROR: Repository not found.\n${tail}`, "RepositoryNotFound", "may not see it"],
    [`fatal: '/x.git' does not appear to be a git repository\n${tail}`, "RepositoryNotFound", "check the URL"],
    [`${access}The requested URL returned error: 410\n`, "RepositoryNotFound", "check the URL"],
    [`${access}The requested URL returned error: 429\n`, "RateLimited", "rate of requests"],
    [`${access}The requested URL returned error: 503\n`, "HostError", "503"],
    [`${access}The requested URL returned error: 301\n`, "InvalidURL", "final URL"],
    ["fatal: couldn't find remote ref refs/heads/main\n", "RefNotFound", 'branch "main"'],
    [
      "fatal: remote error: upload-pack: not our ref 1111111111111111111111111111111111111111\n",
      "RefNotFound",
      "push it",
    ],
    ["error: Server does not allow request for unadvertised object 1111\n", "RefNotFound", "push it"],
    ["fatal: transport 'ext' not allowed\n", "InvalidURL", "https or ssh"],
    ["fatal: write error: No space left on device\n", "TooLarge", "cache volume"],
    ["fatal: something new\n", "GitFailed", "something new"],
    ["", "GitFailed", "no message"],
  ])("%j", (text, reason, words) => {
    const error = classify(text, about);
    expect(error).toMatchObject({ reason, message: expect.stringContaining(words) });
    expect(error.message).not.toMatch(/[\r\n]/);
  });

  test("E41: what is denied for a while is a limit of rates", () => {
    const error = classify(`${access}The requested URL returned error: 403\n`, { ...about, retryAfterMs: 7_000 });
    expect(error).toMatchObject({ reason: "RateLimited", retryAfterMs: 7_000 });
  });

  test("a credential that git repeats is not in the message", () => {
    const secrets = secretsOf({ username: "bot", password: "p&ss", bearerToken: "tok" });
    const basic = Buffer.from("bot:p&ss").toString("base64");
    const error = classify(`fatal: odd p&ss p%26ss tok ${basic} https://bot:other@example.com/x\n`, {
      ...about,
      secrets,
    });
    expect(error.message).toContain("odd *** *** *** *** https://***@example.com/x");
    expect(redact("nothing", [""])).toBe("nothing");
  });
});

test("the same trouble is told in the same words, however long it took", () => {
  const about = { host: "h", url: "https://h/x", ref: "x", secrets: [] };
  const said = [0, 130503].map(
    (ms) => classify(`fatal: Failed to connect to h port 443 after ${ms} ms: Refused`, about).message,
  );
  expect(said[0]).toBe(said[1]);
  expect(said[0]).toContain("(Failed to connect to h port 443: Refused)");
});

describe("words from a repository", () => {
  test.each([
    ["a\x1b[2Jb\x1b]0;title\x07c", "abc"],
    ["a\r\nb\tc\u2028d", "a b c d"],
    ["a\u202eb", "a b"],
    ["x".repeat(300), `${"x".repeat(199)}…`],
  ])("%j is shown as %j", (given, shown) => {
    expect(plain(given, 200)).toBe(shown);
  });

  test("trailers are plain data under any name", () => {
    const trailers = parseTrailers("Fairlead-Prune: confirm\nfairlead-prune: again\n__proto__: x\nnone\n: y\n");
    expect(Object.keys(trailers)).toEqual(["fairlead-prune", "__proto__"]);
    expect(trailers["fairlead-prune"]).toEqual(["confirm", "again"]);
  });
});

describe("settings", () => {
  test("A04: a value cannot leave its line", () => {
    expect(configText([["http.https://h/.extraHeader", 'a"b\\c\nd']])).toBe(
      '[http "https://h/"]\n\textraHeader = "a\\"b\\\\c\\nd"\n',
    );
  });

  test("A01, A05: only the allowed protocols work, and nothing runs", () => {
    const text = configText(fixedSettings(["https", "ssh"]));
    for (const line of [
      '[protocol]\n\tallow = "never"',
      '[protocol "https"]\n\tallow = "always"',
      'hooksPath = "/dev/null"',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).not.toMatch(/protocol "(file|http|git|ext)"/);
  });

  test("A04: ssh is called with our own files, strictly, and without a prompt", () => {
    const files = { keyFile: "/tmp/a/identity", knownHostsFile: "/tmp/it's/known_hosts", timeoutMs: 2500 };
    expect(sshCommand(files)).toBe(
      "ssh -F /dev/null -i /tmp/a/identity -o IdentitiesOnly=yes -o BatchMode=yes -o PreferredAuthentications=publickey -o StrictHostKeyChecking=yes " +
        "-o 'UserKnownHostsFile=/tmp/it'\\''s/known_hosts' -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no " +
        "-o ClearAllForwardings=yes -o ForwardAgent=no -o PermitLocalCommand=no -o ConnectTimeout=3",
    );
  });
});
