import { describe, expect, test } from "vitest";
import type { GitRef } from "../../ports/git.ts";
import { parsePath, parseRef, parseRemote } from "./validate.ts";

const protocols = ["https", "ssh"];
const nul = String.fromCharCode(0);

describe("addresses", () => {
  test.each([
    ["https://example.com/shop/deploy.git", "https://example.com/shop/deploy.git", "example.com"],
    ["HTTPS://example.com:8443/a%20b/_git/x", "https://example.com:8443/a%20b/_git/x", "example.com:8443"],
    ["https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443"],
    ["ssh://git@example.com:2222/shop/deploy.git", "ssh://git@example.com:2222/shop/deploy.git", "example.com:2222"],
    ["git@example.com:shop/deploy.git", "ssh://git@example.com/shop/deploy.git", "example.com"],
    ["org-42@example.com:shop/deploy.git", "ssh://org-42@example.com/shop/deploy.git", "example.com"],
    ["git@[::1]:x", "ssh://git@[::1]/x", "[::1]"],
    ["ssh://git@example.com/~/x", "ssh://git@example.com/~/x", "example.com"],
  ])("%s is read", (given, url, host) => {
    expect(parseRemote(given, protocols)).toMatchObject({ url, host });
  });

  test.each([
    ["", "empty"],
    ['ext::sh -c "touch /tmp/p"', "printable"],
    ["ext::sh", "no address"],
    ["fd::17/foo", "no address"],
    ["file:///etc", "protocol file"],
    ["git://example.com/x", "protocol git"],
    ["http://example.com/x", "protocol http"],
    ["ftp://example.com/x", "protocol ftp"],
    ["/etc", "no address"],
    ["../other", "no address"],
    ["example.com:x", "no address"],
    ["ssh://-oProxyCommand=id/x", "host"],
    ["ssh://git@-oProxyCommand=id/x", "host"],
    ["-oProxyCommand=id@example.com:x", "no address"],
    ["git@-oProxyCommand=id:x", "no address"],
    ["ssh://-l@example.com/x", "user"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the attack is a shell expansion.
    ["--upload-pack=touch${IFS}/tmp/p", "no address"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the attack is a shell expansion.
    ["https://example.com/${IFS}", "path"],
    ["https://user:secret@example.com/x", "credential"],
    ["https://token@example.com/x", "credential"],
    ["ssh://git:secret@example.com/x", "credential"],
    ["https://example.com", "path"],
    ["https://example.com/", "path"],
    ["https:///x", "host"],
    ["https://exa mple.com/x", "printable"],
    ["https://example.com/x\n", "printable"],
    [`https://example.com/x${nul}`, "printable"],
    ["https://example.com/a%0ab", "path"],
    ["https://example.com/a%00b", "path"],
    ["https://example.com/a%zz", "path"],
    ["https://example.com/x?a=b", "path"],
    ["https://example.com/x#y", "path"],
    ["https://example.com/a\\b", "path"],
    ["https://example.com:99999999/x", "no address"],
    ["https://bücher.example/x", "printable"],
    ["ssh://git'@example.com/x", "user"],
    [`https://example.com/${"x".repeat(2100)}`, "too long"],
  ])("A01, A02, A04: the URL %j is refused", (given, words) => {
    expect(() => parseRemote(given, protocols)).toThrow(expect.objectContaining({ reason: "InvalidURL" }));
    expect(() => parseRemote(given, protocols)).toThrow(words);
    expect(() => parseRemote(given, protocols)).not.toThrow("secret");
  });
});

describe("references", () => {
  test.each<[GitRef, string]>([
    [{ branch: "main" }, "refs/heads/main"],
    [{ branch: "renovate/@types/node-20.x" }, "refs/heads/renovate/@types/node-20.x"],
    [{ tag: "v1.2.3+build" }, "refs/tags/v1.2.3+build"],
    [{ name: "refs/pull/7/head" }, "refs/pull/7/head"],
    [{ name: "refs/heads/main" }, "refs/heads/main"],
  ])("%j stands for %s", (ref, remote) => {
    expect(parseRef(ref)).toMatchObject({ remote });
  });

  test("a commit is its full hash in lower case", () => {
    expect(parseRef({ commit: "A".repeat(40) })).toMatchObject({ kind: "Commit", sha: "a".repeat(40) });
  });

  test.each<[GitRef]>([
    [{}],
    [{ branch: "a", tag: "b" }],
    ...["", "latest-ish", ">=1 || rm -rf", `${">=1 ".repeat(100)}`].map((semver): [GitRef] => [{ semver }]),
    ...["refs/", "pull/7/head", "refs/heads/-x/../y", "refs/heads/$(id)", "--refs/heads/x"].map((name): [GitRef] => [
      { name },
    ]),
    [{ commit: "abc1234" }],
    [{ commit: `${"a".repeat(40)}\n` }],
    ...[
      "--upload-pack=x",
      "-x",
      "../../x",
      "a..b",
      "@{-1}",
      "x\ny",
      "refs/heads/$(id)",
      "refs/heads/main",
      "$(id)",
    ].map((branch): [GitRef] => [{ branch }]),
    ...["", "@", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "/a", "a/", "a//b", ".a", "a/.b", "a."].map(
      (branch): [GitRef] => [{ branch }],
    ),
    ...["a.lock", "a.lock/b", "x@{1}", "`id`", "a;b", "a|b", "a&b", "a'b", `a${nul}`, "a\x7f", "x".repeat(256)].map(
      (tag): [GitRef] => [{ tag }],
    ),
  ])("A03: the reference %j is refused", (ref) => {
    expect(() => parseRef(ref)).toThrow(expect.objectContaining({ reason: "InvalidRef" }));
  });
});

describe("paths", () => {
  test.each([
    ["", ""],
    [".", ""],
    ["./", ""],
    ["./deploy/", "deploy"],
    ["deploy//prod/./x", "deploy/prod/x"],
    ["-deploy", "-deploy"],
    ["a..b", "a..b"],
  ])("%j is %j", (given, path) => {
    expect(parsePath(given)).toBe(path);
  });

  test.each(["../../etc", "/etc", "deploy/../..", "..", `a${nul}b`, "a\\..\\b", "a\nb", "x".repeat(1025)])(
    "A07: the path %j is refused",
    (given) => {
      expect(() => parsePath(given)).toThrow(expect.objectContaining({ reason: "InvalidPath" }));
    },
  );
});
