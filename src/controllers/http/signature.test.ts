import { createHmac, timingSafeEqual } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { type HookToken, hookKey, proofOf, Verifier } from "./signature.ts";

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});

const BODY = '{"ref":"refs/heads/main"}';
const sign = (token: string, body = BODY, algorithm = "sha256") =>
  createHmac(algorithm, token).update(body).digest("hex");

describe("hookKey", () => {
  it.each([
    ["/hooks/shop/web", "shop/web"],
    ["/hooks/shop/web.v1", "shop/web.v1"],
    [`/hooks/${"a".repeat(63)}/${"b".repeat(63)}`, `${"a".repeat(63)}/${"b".repeat(63)}`],
  ])("%s", (path, key) => {
    expect(hookKey(path)).toBe(key);
  });

  it.each([
    ["no name", "/hooks/shop"],
    ["an empty name", "/hooks/shop/"],
    ["one more part", "/hooks/shop/web/x"],
    ["upper case", "/hooks/shop/Web"],
    ["a parent", "/hooks/../web"],
    ["dots alone", "/hooks/shop/.."],
    ["an empty label", "/hooks/shop/a..b"],
    ["a dot in the namespace", "/hooks/sh.op/web"],
    ["escapes", "/hooks/shop/%77eb"],
    ["a line break", "/hooks/shop/web\n"],
    ["a pattern", "/hooks/shop/(a+)+$"],
    ["a long namespace", `/hooks/${"a".repeat(64)}/web`],
    ["a long label", `/hooks/shop/${"a".repeat(64)}`],
    ["a prototype's member", "/hooks/__proto__/constructor"],
    ["a whole address", "http://x/hooks/shop/web"],
  ])("is none for %s", (_, path) => {
    expect(hookKey(path)).toBeUndefined();
  });
});

describe("proofOf", () => {
  it.each([
    ["no header", {}],
    ["an empty signature", { "x-hub-signature-256": "" }],
    ["a short one", { "x-hub-signature-256": `sha256=${sign("t").slice(1)}` }],
    ["a long one", { "x-hub-signature-256": `sha256=${sign("t")}0` }],
    ["upper case", { "x-hub-signature-256": `sha256=${sign("t").toUpperCase()}` }],
    ["an upper-case name", { "x-hub-signature-256": `SHA256=${sign("t")}` }],
    ["bare digits", { "x-hub-signature-256": sign("t") }],
    ["sha1", { "x-hub-signature-256": `sha1=${sign("t", BODY, "sha1")}` }],
    ["sha1 in its own header", { "x-hub-signature": `sha1=${sign("t", BODY, "sha1")}` }],
    ["two signatures", { "x-hub-signature-256": `sha256=${sign("a")}, sha256=${sign("t")}` }],
    ["a broken signature beside a token", { "x-hub-signature-256": "sha256=", "x-gitlab-token": "t" }],
    ["an empty token", { "x-gitlab-token": "" }],
    ["a scheme of another provider", { authorization: "Bearer t", "x-gitea-signature": sign("t") }],
  ])("is none for %s", (_, headers) => {
    expect(proofOf("Generic", headers)).toEqual({ kind: "None" });
  });
});

describe("Verifier", () => {
  const check = (token: HookToken | undefined, headers: Record<string, string>, body = BODY) => {
    const verifier = new Verifier(token);
    for (const byte of Buffer.from(body)) verifier.update(Uint8Array.of(byte));
    return verifier.holds(proofOf("Generic", headers));
  };
  const signature = (token: string, body = BODY) => ({ "x-hub-signature-256": `sha256=${sign(token, body)}` });

  it.each([
    ["a signature", "t0ken", signature("t0ken"), true],
    ["a token in bytes", Buffer.from("t0ken"), signature("t0ken"), true],
    ["a signature by another token", "t0ken", signature("token"), false],
    ["a signature of another body", "t0ken", signature("t0ken", "{}"), false],
    ["an unknown sync", undefined, signature(""), false],
    ["an empty token, with which anybody can sign", "", signature(""), false],
    ["empty bytes", new Uint8Array(), signature(""), false],
    ["GitLab's token", "t0ken", { "x-gitlab-token": "t0ken" }, true],
    [
      "GitLab's token beyond ASCII",
      "schlüssel",
      { "x-gitlab-token": Buffer.from("schlüssel").toString("latin1") },
      true,
    ],
    ["the start of GitLab's token", "t0ken", { "x-gitlab-token": "t0ke" }, false],
    ["a longer one", "t0ken", { "x-gitlab-token": "t0ken0" }, false],
    ["GitLab's token for an unknown sync", undefined, { "x-gitlab-token": "t0ken" }, false],
    ["a token beside another's signature", "t0ken", { ...signature("x"), "x-gitlab-token": "t0ken" }, false],
    ["nothing", "t0ken", {}, false],
  ])("%s", (_, token, headers, holds) => {
    expect(check(token, headers)).toBe(holds);
  });

  it.each([
    ["a wrong signature", "t0ken", signature("x")],
    ["an unknown sync", undefined, signature("x")],
    ["an empty token", "", signature("x")],
    ["the start of GitLab's token", "t0ken", { "x-gitlab-token": "t0" }],
    ["GitLab's token for an unknown sync", undefined, { "x-gitlab-token": "t0ken" }],
  ])("is no oracle of time: %s takes one comparison of two digests", (_, token, headers) => {
    vi.mocked(timingSafeEqual).mockClear();
    expect(check(token, headers)).toBe(false);
    expect(vi.mocked(timingSafeEqual).mock.calls.map((sides) => sides.map(({ byteLength }) => byteLength))).toEqual([
      [32, 32],
    ]);
  });
});
