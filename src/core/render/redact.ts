import { isObject, type Json, stringAt } from "../../api/json.ts";

/** Below this length a text is too common to be told from others. */
const SHORTEST = 3;

/** Every text and number in a value, and each line of a text. */
export function leaves(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value, ...value.split("\n").map((line) => line.trim())];
  if (typeof value === "number" || typeof value === "bigint") return [String(value)];
  if (Array.isArray(value)) return value.flatMap((item: Json) => leaves(item));
  return isObject(value) ? Object.values(value).flatMap((item) => leaves(item)) : [];
}

/** The values of a document if it is a Secret, encoded or not. */
export function secretValues(document: Json): readonly string[] {
  if (stringAt(document, "kind") !== "Secret" || !isObject(document)) return [];
  const data = leaves(document["data"]);
  return [...data, ...data.map((text) => decoded(text)), ...leaves(document["stringData"])];
}

const TELLING = /pass|secret|token|key|credential|auth|cert|private|dsn|connection/i;

/** Values below keys whose names tell that they are secret. */
export function sensitiveValues(value: Json | undefined): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: Json) => sensitiveValues(item));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => (TELLING.test(key) ? leaves(item) : sensitiveValues(item)));
}

/** A text in which every secret is replaced. */
export function hide(text: string, secrets: Iterable<string>): string {
  const longestFirst = [...new Set(secrets)]
    .filter(({ length }) => length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  let clean = text;
  for (const secret of longestFirst) {
    clean = clean.replaceAll(secret, "***");
    // Programs print values as quoted texts, too.
    const quoted = JSON.stringify(secret).slice(1, -1);
    if (quoted !== secret) clean = clean.replaceAll(quoted, "***");
  }
  return clean;
}

function decoded(text: string): string {
  try {
    return atob(text);
  } catch {
    return "";
  }
}
