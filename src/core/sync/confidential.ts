import { isObject, type Json } from "../../api/json.ts";
import { groupOf, type Manifest } from "../../api/objects.ts";

const MASK = "***";
/** Shorter values would be found in any text; they are masked only as a word of their own in quotes. */
const SHORT = 5;

/** Tells whether an object is a Secret. */
export function isSecret({ apiVersion, kind }: Manifest): boolean {
  return groupOf(apiVersion) === "" && kind === "Secret";
}

/** Base64; `decode` answers undefined where a text is none. */
export interface Base64 {
  readonly encode: (text: string) => string;
  readonly decode: (base64: string) => string | undefined;
}

/** What an object holds that must show nowhere else, plain and in base64: a Secret's content, and values that were put in. */
export function contentOf(object: Manifest, given: readonly string[], base64: Base64): readonly string[] {
  const plain = [...given, ...(isSecret(object) ? texts(object["stringData"]) : [])];
  const encoded = isSecret(object) ? texts(object["data"]) : [];
  const decoded = encoded.flatMap((text) => base64.decode(text) ?? []);
  return [...plain, ...plain.map(base64.encode), ...encoded, ...decoded];
}

/** Masks values in a text for people. Values of several lines are masked line by line as well, and as JSON and Go quote them. */
export function conceal(text: string, values: readonly string[]): string {
  const forms = values.flatMap((value) => [value, ...value.split("\n")]).flatMap((value) => [value, quoted(value)]);
  // The longest first: what a short one leaves of a long one would show.
  const parts = [...new Set(forms)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
  let clean = text;
  for (const part of parts) {
    clean = part.length < SHORT ? clean.replaceAll(`"${part}"`, `"${MASK}"`) : clean.replaceAll(part, MASK);
  }
  return clean;
}

function quoted(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function texts(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value.trim()];
  if (typeof value === "number" || typeof value === "bigint") return [String(value)];
  if (Array.isArray(value)) return value.flatMap(texts);
  return isObject(value) ? Object.values(value).flatMap(texts) : [];
}
