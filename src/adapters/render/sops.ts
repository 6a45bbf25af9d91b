import { Buffer } from "node:buffer";
import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import { isObject, type Json, listAt, stringAt, stringify } from "../../api/json.ts";
import { DecryptError, type Decrypter } from "../../ports/decrypt.ts";
import type { GitFile } from "../../ports/git.ts";
import { type Parsed, parseFile } from "./parse.ts";

/** What a value that sops has encrypted looks like. */
const encrypted = /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]$/;
const marker = Buffer.from("ENC[AES256_GCM,");
/** sops begins its digest with these bytes where it covers only what is encrypted: the SHA-256 of "sops". */
const onlyEncrypted = createHash("sha256").update("sops").digest();
/** Recipients that are tried: each takes a key agreement. */
const maxRecipients = 20;

/** Decrypts the YAML and JSON files of sops with age keys, and checks that nothing in them was changed. */
export function createSopsDecrypter(): Decrypter {
  return {
    async decrypt(file, identities, signal) {
      if (Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length).indexOf(marker) < 0) return file;
      const fail = (message: string, line = 1): DecryptError =>
        new DecryptError({ file: file.path, line, column: 1 }, message);
      if (!/\.(?:ya?ml|json)$/.test(file.path)) {
        throw fail("it is encrypted by sops in a format that is not read; only YAML and JSON are: encrypt it as one");
      }
      const { documents, flaws } = await parseFile(file.bytes, signal);
      // The renderer tells what is wrong.
      if (flaws.length > 0) return file;
      const sops = documents.map(({ value }) => (isObject(value) ? value["sops"] : undefined)).find(isObject);
      // Text that only looks like it, as in a guide.
      if (sops === undefined && !documents.some(({ value }) => holdsEncrypted(value))) return file;
      if (sops === undefined)
        throw fail("values are encrypted by sops, but its own block is missing; encrypt it again");
      if (identities.length === 0) {
        throw fail("it is encrypted by sops; name a Secret with an age key (*.agekey) in spec.decryption.secretRef");
      }
      const key = await dataKey(sops, identities, fail);
      return decryptDocuments(file, documents, new Values(key, sops, fail));
    },
  };
}

type Fail = (message: string, line?: number) => DecryptError;

function decryptDocuments(file: GitFile, documents: readonly Parsed[], values: Values): GitFile {
  let [text, line] = ["", 1];
  for (const [index, { value, at }] of documents.entries()) {
    const { sops: _sops, ...members } = isObject(value) ? value : {};
    const plain = values.decrypt(members, [], at.line);
    if (index > 0) {
      text += "---\n";
      line += 1;
    }
    // As JSON on the line where the document began: what is wrong in it is told near its place.
    const lines = Math.max(0, at.line - line);
    text += `${"\n".repeat(lines)}${stringify(plain)}\n`;
    line += lines + 1;
  }
  values.check();
  const bytes = new TextEncoder().encode(text);
  return { path: file.path, bytes, blob: createHash("sha256").update(bytes).digest("hex") };
}

async function dataKey(sops: Json, identities: readonly string[], fail: Fail): Promise<Buffer> {
  if (listAt(sops, "key_groups").length > 0) throw fail("its key is split over groups, which is not supported");
  const recipients = listAt(sops, "age");
  if (recipients.length === 0) throw fail("no age key can decrypt it; add one with sops updatekeys");
  // Most operators decrypt nothing: their memory is not for it.
  const { armor, Decrypter: Age } = await import("age-encryption");
  const age = new Age();
  for (const identity of identities) {
    try {
      age.addIdentity(identity);
    } catch {
      throw fail("a key in the Secret of spec.decryption is no age key; it begins with AGE-SECRET-KEY-1");
    }
  }
  for (const recipient of recipients.slice(0, maxRecipients)) {
    try {
      const key = Buffer.from(await age.decrypt(armor.decode(stringAt(recipient, "enc") ?? "")));
      if (key.length === 32) return key;
    } catch {
      // It is for another key.
    }
  }
  throw fail(
    "no age key in the Secret of spec.decryption can decrypt it; add the key's recipient with sops updatekeys",
  );
}

/** Decrypts the values of a file, in order, and gathers them for its message authentication code. */
class Values {
  readonly #key: Buffer;
  readonly #sops: Json;
  readonly #fail: Fail;
  readonly #digest = createHash("sha512");
  readonly #all: boolean;

  constructor(key: Buffer, sops: Json, fail: Fail) {
    this.#key = key;
    this.#sops = sops;
    this.#fail = fail;
    this.#all = !(isObject(sops) && sops["mac_only_encrypted"] === true);
    if (!this.#all) this.#digest.update(onlyEncrypted);
  }

  decrypt(value: Json, path: readonly string[], line: number): Json {
    if (value === null) return null;
    if (isObject(value)) {
      const members = Object.entries(value).map(([name, member]) => [
        name,
        this.decrypt(member ?? null, [...path, name], line),
      ]);
      return Object.fromEntries(members) as Json;
    }
    // The items of a list have their list's path, and a comment stands among them.
    if (Array.isArray(value)) {
      return value.filter((item: Json) => !isComment(item)).map((item: Json) => this.decrypt(item, path, line));
    }
    if (typeof value !== "string" || !encrypted.test(value)) {
      if (this.#all) this.#digest.update(typeof value === "boolean" ? (value ? "True" : "False") : String(value));
      return value;
    }
    const where = `${path.join(".")} `;
    const opened = open(value, this.#key, `${path.join(":")}:`);
    if (opened === undefined) throw this.#fail(`${where}was changed after it was encrypted; encrypt it again`, line);
    this.#digest.update(opened.bytes);
    const plain = toJson(opened.bytes.toString("utf8"), opened.type);
    if (plain === undefined) throw this.#fail(`${where}is of a type that is not supported`, line);
    return plain;
  }

  /** Throws unless the file is as sops wrote it, the values that are not encrypted included. */
  check(): void {
    const mac = open(stringAt(this.#sops, "mac") ?? "", this.#key, stringAt(this.#sops, "lastmodified") ?? "");
    const computed = Buffer.from(this.#digest.digest("hex").toUpperCase());
    if (mac?.bytes.length === computed.length && timingSafeEqual(mac.bytes, computed)) return;
    throw this.#fail(
      "its values are not those that sops wrote (the MAC differs); if the change is meant, edit it with sops and push",
    );
  }
}

interface Opened {
  readonly bytes: Buffer;
  readonly type: string;
}

/** A value's plain bytes; undefined where it was changed, or moved to another place. */
function open(value: string, key: Buffer, place: string): Opened | undefined {
  const [, data = "", iv = "", tag = "", type = ""] = encrypted.exec(value) ?? [];
  if (tag === "") return undefined;
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"), { authTagLength: 16 });
    cipher.setAAD(Buffer.from(place)).setAuthTag(Buffer.from(tag, "base64"));
    return { bytes: Buffer.concat([cipher.update(Buffer.from(data, "base64")), cipher.final()]), type };
  } catch {
    return undefined;
  }
}

function toJson(text: string, type: string): Json | undefined {
  switch (type) {
    case "str":
    case "time":
      return text;
    case "int":
      return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
    case "float":
      return Number(text);
    case "bool":
      return text === "True";
    default:
      return undefined;
  }
}

function isComment(value: Json): boolean {
  return typeof value === "string" && encrypted.exec(value)?.[4] === "comment";
}

function holdsEncrypted(value: Json): boolean {
  if (typeof value === "string") return encrypted.test(value);
  if (Array.isArray(value)) return value.some(holdsEncrypted);
  return isObject(value) && Object.values(value).some((member) => holdsEncrypted(member ?? null));
}
