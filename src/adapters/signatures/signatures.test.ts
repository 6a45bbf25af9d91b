import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Signature } from "../../core/sync/signed.ts";
import { openPgpSigner, type Signer, sshSigner } from "../../testing/signing.ts";
import { createSignatures } from "./signatures.ts";

const never = new AbortController().signal;
const payload = Buffer.from("tree and message\n");
const hour = 3_600_000;
const dir = mkdtempSync(join(tmpdir(), "signatures-"));
const { verify } = createSignatures({ tempRoot: dir });

let pgp: Signer;
let ssh: Signer;
let stranger: Signer;

beforeAll(async () => {
  pgp = await openPgpSigner();
  ssh = sshSigner();
  stranger = sshSigner();
});

afterAll(() => rmSync(dir, { recursive: true }));

async function judged(
  signer: Signer,
  keys: Readonly<Record<string, string>>,
  options: Parameters<Signer["sign"]>[1] & { readonly over?: Uint8Array } = {},
) {
  const format = signer.publicKey.startsWith("ssh") ? "SSH" : "OpenPGP";
  const armour = await signer.sign(payload, options);
  const signature: Signature = { format, armour, payload: options.over ?? payload };
  const verdict = await verify(signature, new Map(Object.entries(keys)), 10_000, never);
  expect(readdirSync(dir)).toEqual([]);
  return verdict.kind === "Good" ? verdict.signer : verdict.why;
}

describe("A18: OpenPGP", () => {
  test("a trusted key is good, among others and several in one file", async () => {
    const other = await openPgpSigner();
    expect(await judged(pgp, { "a.asc": other.publicKey + pgp.publicKey, "b.pub": ssh.publicKey })).toMatch(
      /^OpenPGP [0-9a-f]{40}$/,
    );
  });

  test.each<[string, () => Promise<Signer>, RegExp, Date?]>([
    ["an untrusted key", () => openPgpSigner(), /key that is not trusted \(OpenPGP [0-9a-f]{16}\)/],
    // Whoever has stolen it says that it was made in time.
    [
      "an expired key, dated back into its life",
      () => openPgpSigner({ at: new Date(Date.now() - 2 * hour), expiresInS: 3_600 }),
      /no valid signature \(.*expired/,
      new Date(Date.now() - 1.5 * hour),
    ],
    ["a revoked key", () => openPgpSigner({ revoked: true }), /no valid signature \(.*revoked/],
    ["a key that is valid only later", () => openPgpSigner({ at: new Date(Date.now() + hour) }), /no valid signature/],
  ])("%s is refused", async (name, make, why, at) => {
    const signer = await make();
    const trusted = name === "an untrusted key" ? pgp : signer;
    expect(await judged(signer, { "a.asc": trusted.publicKey }, at === undefined ? {} : { at })).toMatch(why);
  });

  test("other bytes, a signature from the future, and nonsense are refused", async () => {
    const keys = { "a.asc": pgp.publicKey };
    expect(await judged(pgp, keys, { over: Buffer.from("other") })).toContain("no valid signature");
    expect(await judged(pgp, keys, { at: new Date(Date.now() + hour) })).toContain("no valid signature");
    const files = new Map(Object.entries(keys));
    for (const armour of [
      "",
      "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
      "x".repeat(70_000),
    ]) {
      expect((await verify({ format: "OpenPGP", armour, payload }, files, 10_000, never)).kind).toBe("Bad");
    }
  });

  test("a file without a key is told by its name, without its content", async () => {
    await expect(judged(pgp, { "a.asc": "hunter2" })).rejects.toThrow(/^a\.asc holds no OpenPGP public key; write/);
    const broken = pgp.publicKey.replace(/\n[A-Za-z0-9+/]{20}/, "\nAAAA");
    await expect(judged(pgp, { "b.asc": broken })).rejects.toThrow(/^b\.asc holds no OpenPGP public key/);
  });
});

describe("A18: SSH", () => {
  const signers = (options: string): string => `ada@example.com ${options} ${ssh.publicKey}`;

  test("a trusted key is good, as a public key and as an allowed signer", async () => {
    const fingerprint = /^SSH SHA256:[A-Za-z0-9+/]{43}$/;
    expect(await judged(ssh, { "ada.pub": ssh.publicKey })).toMatch(fingerprint);
    expect(await judged(ssh, { "team.pub": `# team\n${stranger.publicKey}${ssh.publicKey}` })).toMatch(fingerprint);
    expect(await judged(ssh, { allowed_signers: signers('namespaces="git"') })).toMatch(fingerprint);
    expect(await judged(ssh, { allowed_signers: signers("") })).toMatch(fingerprint);
  });

  test("an untrusted, expired, early or revoked key is refused", async () => {
    expect(await judged(stranger, { "ada.pub": ssh.publicKey })).toContain("not trusted");
    expect(await judged(ssh, { "a.asc": pgp.publicKey })).toContain("no SSH key is trusted");
    expect(await judged(ssh, { allowed_signers: signers('valid-before="20200101"') })).toContain("not any more");
    expect(await judged(ssh, { allowed_signers: signers('valid-after="29990101"') })).toContain("not trusted");
    const keys = { "ada.pub": ssh.publicKey, revoked_keys: ssh.publicKey };
    expect(await judged(ssh, keys)).toContain("no valid signature");
  });

  test("a signature for another purpose, and other bytes, are refused", async () => {
    expect(await judged(ssh, { "ada.pub": ssh.publicKey }, { namespace: "file" })).toContain(
      "no valid signature for git",
    );
    expect(await judged(ssh, { allowed_signers: signers('namespaces="file"') })).toContain(
      "no valid signature for git",
    );
    expect(await judged(ssh, { "ada.pub": ssh.publicKey }, { over: Buffer.from("other") })).toContain("no valid");
  });

  test("a file that is no key is told by its name, without its content", async () => {
    for (const text of ["hunter2", "", 'command="x" ssh-ed25519 AAAA']) {
      await expect(judged(ssh, { "ada.pub": text })).rejects.toThrow(/^ada\.pub holds no SSH public key/);
    }
    await expect(judged(ssh, { allowed_signers: "ada hunter2" })).rejects.toThrow(/^allowed_signers has a line/);
  });
});

test("a verdict is remembered for a while only: keys expire", async () => {
  let now = Date.now();
  const signer = await openPgpSigner({ at: new Date(now - hour), expiresInS: 2 * 3_600 });
  const { verify: judge } = createSignatures({ tempRoot: dir, now: () => new Date(now) });
  const signature: Signature = { format: "OpenPGP", armour: await signer.sign(payload), payload };
  const keys = new Map([["a.asc", signer.publicKey]]);
  expect((await judge(signature, keys, 10_000, never)).kind).toBe("Good");
  now += 2 * hour;
  expect((await judge(signature, keys, 10_000, never)).kind).toBe("Bad");
});
