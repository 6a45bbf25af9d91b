/** What a remote says of one reference, and which branch it offers by default. */
export interface Listed {
  readonly sha: string | undefined;
  readonly fallback: string | undefined;
}

/** Reads `ls-remote --symref`: the peeled line of an annotated tag wins, lines that only end like the name do not count. */
export function parseRefs(output: string, wanted: string): Listed {
  const refs = new Map<string, string>();
  let fallback: string | undefined;
  for (const line of output.split("\n")) {
    const [left = "", name = ""] = line.split("\t");
    if (/^[0-9a-f]{40,64}$/.test(left)) refs.set(name, left);
    else if (name === "HEAD" && left.startsWith("ref: refs/heads/")) fallback = left.slice("ref: refs/heads/".length);
  }
  return { sha: refs.get(`${wanted}^{}`) ?? refs.get(wanted), fallback };
}
