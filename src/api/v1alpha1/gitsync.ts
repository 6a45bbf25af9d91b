import { z } from "zod";
import type { Manifest } from "../objects.ts";
import { atLeast, objectName } from "./common.ts";
import { dependency, healthCheck } from "./expressions.ts";
import { helm, ignoreRule, ref, substitute, verify, webhookProvider } from "./gitsyncParts.ts";
import { gitSyncStatus } from "./gitsyncStatus.ts";
import { unpack } from "./packing.ts";

const specFields = z.object({
  url: z
    .string()
    .min(1)
    .max(2048)
    .meta({
      "x-kubernetes-validations": [
        {
          rule: "self.startsWith('https://') || self.startsWith('ssh://')",
          message: "url begins with https:// or ssh://, for example ssh://git@git.example.com/acme/shop.git",
        },
      ],
    })
    .describe("url: the repository, https:// or ssh://. Credentials belong in secretRef."),
  ref: ref.default({}).describe("ref: what to follow. Default: the branch main."),
  path: z
    .string()
    .max(1024)
    .meta({
      "x-kubernetes-validations": [
        {
          rule: "!self.startsWith('/') && !self.split('/').exists(p, p == '..')",
          message: "path is relative to the repository's root and holds no '..'",
        },
      ],
    })
    .default("")
    .describe("path: the directory whose manifests are applied. Default: the whole repository."),
  submodules: z
    .boolean()
    .default(false)
    .describe(
      "submodules: read what submodules below the path hold: of the same host, or of hosts that the operator's --git-hosts names. Otherwise one there is refused.",
    ),
  lfs: z
    .boolean()
    .default(false)
    .describe(
      "lfs: fetch what stands behind Git LFS pointers, over https. Otherwise a manifest that is one is refused.",
    ),
  interval: atLeast("1s")
    .default("1m")
    .describe("interval: how often the repository is asked for news; a webhook makes it immediate."),
  timeout: atLeast("1s")
    .default("60s")
    .describe("timeout: the bound of one Git operation, and of one run of kustomize or Helm."),
  helm: helm.optional().describe("helm: how the chart at spec.path is rendered; nothing else looks at it."),
  secretRef: z
    .object({ name: objectName })
    .optional()
    .describe(
      "secretRef: a Secret in this namespace with username and password, bearerToken, the keys of an app (githubAppID, githubAppInstallationID, githubAppPrivateKey), or identity (an SSH private key, with its passphrase) and known_hosts; ca.crt adds an authority, tls.crt and tls.key are a client certificate.",
    ),
  proxySecretRef: z
    .object({ name: objectName })
    .optional()
    .describe(
      "proxySecretRef: a Secret in this namespace with the address, username and password of a proxy for https. Default: the operator's own proxy.",
    ),
  serviceAccountName: objectName
    .optional()
    .describe(
      "serviceAccountName: the account in this namespace that all writes are made as. Default: the operator's own.",
    ),
  dryRun: z
    .enum(["Auto", "Always", "Never"])
    .default("Auto")
    .describe(
      "dryRun: try all that a commit would write before its first write. Auto: where it writes more than one object, and the sync has applied something before.",
    ),
  ignoreFields: z
    .array(ignoreRule)
    .max(50)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe("ignoreFields: fields that others own once an object is there: neither applied again nor corrected."),
  ignore: z
    .array(z.string().min(1).max(256))
    .max(100)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe(
      "ignore: files below path that are left out, as patterns of a .gitignore file that stands there. Files named .fairleadignore say the same in Git; what stands here outranks them.",
    ),
  substitute: substitute.optional().describe(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what people write.
    "substitute: values for variables in manifests, written ${NAME}, ${NAME:=default} or, as a whole value that is no text, ${NAME:int}, ${NAME:number} or ${NAME:bool}.",
  ),
  decryption: z
    .object({ secretRef: z.object({ name: objectName }) })
    .optional()
    .describe(
      "decryption: files that sops has encrypted are decrypted with the age keys of a Secret in this namespace, whose keys end in .agekey.",
    ),
  prune: z.boolean().default(true).describe("prune: delete what Git no longer has."),
  deletionPolicy: z
    .enum(["Prune", "Orphan", "Wait"])
    .optional()
    .describe(
      "deletionPolicy: what becomes of the objects when this GitSync is deleted. Prune: they are deleted. Wait: the same, and the GitSync stays until they are gone, at most ten minutes. Orphan: they stay, without Fairlead's marks. Default: Prune, and Orphan where prune is false.",
    ),
  verify: verify
    .optional()
    .describe("verify: read only what is signed by a trusted key; else the last verified revision is kept in force."),
  rewrites: z
    .enum(["Accept", "Refuse"])
    .default("Accept")
    .describe(
      "rewrites: what to do with a force-pushed branch or a moved tag. Accept follows it; Refuse keeps the former revision. Both tell.",
    ),
  suspend: z.boolean().default(false).describe("suspend: stop applying and correcting until it is false again."),
  dependsOn: z
    .array(dependency)
    .max(32)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe(
      "dependsOn: other GitSyncs that must be ready before a new revision is applied. What is applied already is kept and corrected meanwhile.",
    ),
  healthChecks: z
    .array(healthCheck)
    .max(16)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["apiVersion", "kind"] })
    .optional()
    .describe("healthChecks: CEL expressions that tell the health of kinds that Fairlead does not know."),
  webhook: z
    .object({
      provider: webhookProvider
        .default("Generic")
        .describe(
          "provider: who sends, which decides the header that counts. Generic takes X-Hub-Signature-256, or X-Gitlab-Token where there is none.",
        ),
      secretRef: z.object({ name: objectName }),
    })
    .optional()
    .describe("webhook: accept push notices at /hooks/<namespace>/<name>, proven with the Secret's key `token`."),
});

export const gitSyncSpec = specFields.meta({
  "x-kubernetes-validations": [
    {
      rule: "!has(self.verify) || self.verify.mode == 'Commits' || has(self.ref.tag) || has(self.ref.semver) || has(self.ref.name)",
      message: "verify.mode Tag and TagAndCommits want ref.tag, ref.semver or ref.name",
    },
  ],
});

export type GitSyncSpec = Readonly<z.infer<typeof gitSyncSpec>>;
export type GitSyncStatus = Readonly<z.infer<typeof gitSyncStatus>>;

/** A GitSync as read: the spec parsed with its defaults, the inventory unpacked. */
export interface GitSync {
  readonly object: Manifest;
  readonly spec: GitSyncSpec;
  readonly status: Omit<GitSyncStatus, "packedInventory">;
}

/** Objects are shared and never changed, so each version of one is parsed once. */
const known = new WeakMap<Manifest, GitSync>();

/** Parsed as one, so that a complaint names the field from the top. */
const whole = z.object({ spec: gitSyncSpec, status: gitSyncStatus });

/**
 * Parses a stored GitSync leniently: unknown fields are ignored.
 * Throws a ZodError for an impossible spec or status: an inventory that can't be read must never be taken for none.
 */
export function parseGitSync(object: Manifest): GitSync {
  const before = known.get(object);
  if (before !== undefined) return before;
  const { spec, status: stored } = whole.parse({ spec: object["spec"], status: object["status"] ?? {} });
  const { packedInventory, ...rest } = stored;
  const inventory = unpack({ inventory: rest.inventory, packedInventory });
  const status = inventory === undefined ? rest : { ...rest, inventory };
  const sync = { object, spec, status };
  known.set(object, sync);
  return sync;
}

/** The status of a GitSync as the API server has it. */
export function storedStatus(object: Manifest): GitSyncStatus {
  return gitSyncStatus.parse(object["status"] ?? {});
}
