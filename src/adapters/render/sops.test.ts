import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonical } from "../../api/json.ts";
import { DecryptError } from "../../ports/decrypt.ts";
import type { GitFile } from "../../ports/git.ts";
import { parseFile } from "./parse.ts";
import { createSopsDecrypter } from "./sops.ts";

const { signal } = new AbortController();
const data = (name: string) => readFileSync(new URL(`testdata/sops/${name}`, import.meta.url), "utf8");
/** The key and the files were made by age-keygen 1.2 and sops 3.11 for these tests alone. */
const [key = ""] = /AGE-SECRET-KEY-\S+/.exec(data("test.agekey")) ?? [];
const [other = ""] = /AGE-SECRET-KEY-\S+/.exec(data("other.agekey")) ?? [];

const file = (path: string, text: string): GitFile => ({ path, blob: "b", bytes: Buffer.from(text) });
const decrypt = (text: string, identities: readonly string[] = [key], path = "d/a.yaml") =>
  createSopsDecrypter().decrypt(file(path, text), identities, signal);

async function values(name: string) {
  const plain = await decrypt(data(name), [other, key], name);
  const { documents, flaws } = await parseFile(plain.bytes, signal);
  expect(flaws).toEqual([]);
  return documents.map(({ value, at }) => ({ text: canonical(value), line: at.line }));
}

const secret = '"apiVersion":"v1","kind":"Secret"';

describe("what sops has encrypted", () => {
  test.each([
    [
      "secret.yaml",
      [`{${secret},"metadata":{"name":"db"},"stringData":{"empty":"","note":"a: ä\\n- b\\n","password":"pl4in-t3xt"}}`],
    ],
    ["only-encrypted.yaml", [`{${secret},"metadata":{"name":"db"},"stringData":{"password":"pl4in-t3xt"}}`]],
    [
      "all.yaml",
      [
        '{"bool":true,"float":2.5,"int":42,"list":["a",{"b":"c"}],"none":null,"text":"pl4in-t3xt"}',
        '{"second":"pl4in-t3xt"}',
      ],
    ],
    ["secret.json", [`{${secret},"metadata":{"name":"db"},"stringData":{"password":"pl4in-t3xt"}}`]],
  ])("%s is decrypted, each document near its line", async (name, documents) => {
    const found = await values(name);
    expect(found.map(({ text }) => text)).toEqual(documents);
    const original = await parseFile(Buffer.from(data(name)), signal);
    expect(found.map(({ line }) => line)).toEqual(original.documents.map(({ at }) => at.line));
  });

  test("another blob names the plain text, always the same", async () => {
    const [one, two] = [await decrypt(data("secret.yaml")), await decrypt(data("secret.yaml"))];
    expect(one.blob).toBe(two.blob);
    expect(one.blob).not.toBe("b");
  });
});

describe("E39: what cannot be decrypted is refused, without a word of it", () => {
  const yaml = data("secret.yaml");
  const [value = ""] = /ENC\[[^\]]+\]/.exec(yaml) ?? [];
  const password = /password: (ENC\[[^\]]+\])/.exec(yaml)?.[1] ?? "";
  const note = /note: (ENC\[[^\]]+\])/.exec(yaml)?.[1] ?? "";

  test.each([
    ["without a key", yaml, [], "spec.decryption.secretRef"],
    ["with another key", yaml, [other], "sops updatekeys"],
    ["with a key that is none", yaml, ["hunter22"], "is no age key"],
    ["with a plain value changed", yaml.replace("name: db", "name: dc"), [key], "the MAC differs"],
    ["with a value added", yaml.replace("stringData:", "stringData:\n    more: x"), [key], "the MAC differs"],
    ["with a value in plain text", yaml.replace(password, "hunter22"), [key], "the MAC differs"],
    [
      "with two values exchanged",
      yaml.replace(password, "@").replace(note, password).replace("@", note),
      [key],
      "was changed",
    ],
    ["with a value from elsewhere", yaml.replace("name: db", `name: ${value}`), [key], "was changed"],
    ["with the MAC removed", yaml.replace(/mac: .*/, "mac: ''"), [key], "the MAC differs"],
    ["with its block removed", yaml.replace(/^sops:[\s\S]*/m, ""), [key], "encrypt it again"],
    ["without recipients", yaml.replace(/age:\n[\s\S]*?(?=\n {4}lastmodified)/, "age: []"), [key], "no age key can"],
  ])("%s", async (_, text, identities, says) => {
    const error = await decrypt(text, identities).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DecryptError);
    const { message, position } = error as DecryptError;
    expect(message).toContain(says);
    expect(position.file).toBe("d/a.yaml");
    for (const hidden of ["pl4in-t3xt", key, "hunter22", "ENC["]) expect(message).not.toContain(hidden);
  });

  test("a format that is not read", async () => {
    const text = `password=${value}\nsops_version=3.11.0\n`;
    await expect(decrypt(text, [key], "d/a.env")).rejects.toThrow("YAML and JSON");
  });

  test("what is not encrypted passes, a text about it as well", async () => {
    for (const text of ["a: 1\n", "a: ENC[AES256_GCM, see the guide\n", `broken: [${value}\n`]) {
      const same = file("d/a.yaml", text);
      expect(await createSopsDecrypter().decrypt(same, [key], signal)).toBe(same);
    }
  });
});
