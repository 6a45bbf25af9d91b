import { isObject } from "../../api/json.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Decrypter } from "../../ports/decrypt.ts";
import type { SourceTree } from "../../ports/render.ts";
import { type Secrets, secretText } from "./secrets.ts";

/** The keys that a sync's files are decrypted with, or a sentence that says what is missing. */
export type Identities =
  | { readonly kind: "Identities"; readonly identities: readonly string[] }
  | { readonly kind: "Missing"; readonly message: string };

/** Reads the age keys of spec.decryption: each line of each *.agekey that is no comment. */
export async function identitiesOf(
  { object, spec }: GitSync,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<Identities> {
  const name = spec.decryption?.secretRef.name;
  if (name === undefined) return { kind: "Identities", identities: [] };
  const namespace = object.metadata.namespace ?? "";
  const found = await secrets.read(namespace, name, signal);
  const missing = (what: string): Identities => {
    return { kind: "Missing", message: `Secret ${namespace}/${name} of spec.decryption ${what}` };
  };
  if (found.kind === "Missing") return missing("does not exist; create it, or correct the name");
  const data = found.secret["data"];
  const names = isObject(data) ? Object.keys(data).filter((key) => key.endsWith(".agekey")) : [];
  const lines = names.flatMap((key) => (secretText(found.secret, key) ?? "").split("\n").map((line) => line.trim()));
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#")).slice(0, 20);
  return identities.length > 0 ? { kind: "Identities", identities } : missing("holds no *.agekey; add one");
}

/** A tree whose encrypted files are read as plain text. Without a key they are refused: cipher text is never applied. */
export function decrypting(tree: SourceTree, decrypter: Decrypter, identities: readonly string[]): SourceTree {
  return {
    look: (paths, signal) => tree.look(paths, signal),
    async read(paths, wants, signal) {
      const files = await tree.read(paths, wants, signal);
      const plain = [];
      for (const file of files) {
        const opened = await decrypter.decrypt(file, identities, signal);
        plain.push(opened === file ? file : { ...opened, secret: true });
      }
      return plain;
    },
  };
}
