import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { readCommit, readTag } from "./signed.ts";

const [a, b] = ["a".repeat(40), "b".repeat(40)];
const armour = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----";
const head = `tree ${a}\nparent ${a}\nparent ${b}\nauthor Ada <a@example.com> 1 +0000\ncommitter Ada <a@example.com> 1 +0000\n`;
const indented = (text: string): string => text.replaceAll("\n", "\n ");
const commit = (text: string) => readCommit(Buffer.from(text));
const payloadOf = ({ signed }: ReturnType<typeof commit>): string | undefined =>
  signed.kind === "Signed" ? Buffer.from(signed.signature.payload).toString() : undefined;

describe("a commit", () => {
  test("is parted into its signature and everything else", () => {
    const read = commit(`${head}gpgsig ${indented(armour)}\nencoding UTF-8\n\nShip é\n\ngpgsig in the message\n`);
    expect(read.parents).toEqual([a, b]);
    expect(read.signed).toMatchObject({ kind: "Signed", signature: { format: "SSH", armour: `${armour}\n` } });
    expect(payloadOf(read)).toBe(`${head}encoding UTF-8\n\nShip é\n\ngpgsig in the message\n`);
  });

  test("without a signature is unsigned, whatever its message says", () => {
    expect(commit(`${head}\nMessage\n\ngpgsig ${armour}\n`).signed).toEqual({ kind: "Unsigned" });
    expect(commit(`${head}gpgsig-sha256 ${indented(armour)}\n\nMessage\n`).signed).toEqual({ kind: "Unsigned" });
    expect(commit("").signed).toEqual({ kind: "Unsigned" });
  });

  test("takes no parent from inside another header, and none from the message", () => {
    const merged = `${head}mergetag object ${a}\n parent ${"c".repeat(40)}\n gpgsig ${indented(armour)}\n\nparent ${"d".repeat(40)}\n`;
    expect(commit(merged)).toMatchObject({ parents: [a, b], signed: { kind: "Unsigned" } });
  });

  test("is over the merge tag, and not over the signature for the other hash", () => {
    const merge = `mergetag object ${a}\n type commit\n`;
    const other = `gpgsig-sha256 ${indented(armour.replace("U1NI", "AAAA"))}\n`;
    const read = commit(`${head}${merge}${other}gpgsig ${indented(armour)}\n\nMerge\n`);
    expect(payloadOf(read)).toBe(`${head}${merge}\nMerge\n`);
  });

  test.each([
    ["two signatures", `${head}gpgsig ${indented(armour)}\ngpgsig ${indented(armour)}\n\nm\n`, "several"],
    ["X.509", `${head}gpgsig ${indented(armour.replaceAll("SSH SIGNATURE", "SIGNED MESSAGE"))}\n\nm\n`, "not known"],
    ["nonsense", `${head}gpgsig yes\n\nm\n`, "not known"],
  ])("with %s is refused", (_, text, why) => {
    expect(commit(text).signed).toEqual({ kind: "Malformed", why: expect.stringContaining(why) });
  });
});

describe("a tag", () => {
  const text = `object ${a}\ntype commit\ntag v1.0.0\ntagger Ada <a@example.com> 1 +0000\n\nRelease\n`;
  const tag = (whole: string) => readTag(Buffer.from(whole));

  test("is signed at its end, by the last signature", () => {
    const read = tag(`${text}${armour}\nmore\n${armour}\n`);
    expect(read).toMatchObject({ object: a, type: "commit", tag: "v1.0.0", signed: { kind: "Signed" } });
    const { signed } = read;
    expect(signed.kind === "Signed" && Buffer.from(signed.signature.payload).toString()).toBe(
      `${text}${armour}\nmore\n`,
    );
  });

  test.each([
    ["no signature", text],
    ["one that does not begin a line", `${text} ${armour.replaceAll("\n", "\n ")}\n`],
    ["one in its head", `object ${a}\n${armour}\n\nRelease\n`],
    ["nothing", ""],
  ])("with %s is unsigned", (_, whole) => {
    expect(tag(whole).signed).toEqual({ kind: "Unsigned" });
  });

  test("says what it names only in its head", () => {
    expect(tag(`type tree\ntag x\n\nobject ${a}\n`)).toMatchObject({ object: "", type: "tree", tag: "x" });
  });
});
