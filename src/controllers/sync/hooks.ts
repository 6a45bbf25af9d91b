import type { Manifest } from "../../api/objects.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Hook } from "../http/signature.ts";
import { secretText } from "./secrets.ts";

/** What proves a webhook of a sync; undefined when it has none, or its Secret has no token. */
export async function hookOf(
  sync: Manifest | undefined,
  secretNamed: (namespace: string, name: string) => Promise<Manifest | undefined>,
): Promise<Hook | undefined> {
  if (sync === undefined) return undefined;
  const { webhook, url } = parseGitSync(sync).spec;
  if (webhook === undefined) return undefined;
  const secret = await secretNamed(sync.metadata.namespace ?? "", webhook.secretRef.name);
  const token = secret === undefined ? undefined : secretText(secret, "token");
  return token === undefined ? undefined : { token, provider: webhook.provider, repository: url };
}
