import { Buffer } from "node:buffer";
import type { Manifest } from "../api/objects.ts";
import { conceal, contentOf } from "../core/sync/confidential.ts";

/** A message without what an object holds, if that is a Secret, or with values that were put in: servers and webhooks quote what they were sent. */
export function concealed(message: string, object: Manifest, given: readonly string[] = []): string {
  return conceal(message, contentOf(object, given, { encode: (text) => Buffer.from(text).toString("base64"), decode }));
}

function decode(base64: string): string | undefined {
  return /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(base64) ? Buffer.from(base64, "base64").toString("utf8") : undefined;
}
