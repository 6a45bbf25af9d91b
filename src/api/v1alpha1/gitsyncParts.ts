import { z } from "zod";
import { objectName } from "./common.ts";

// The nested parts of the spec of a GitSync.

export const ref = z
  .object({
    branch: z.string().min(1).max(255).optional().describe("branch: the branch to follow."),
    tag: z.string().min(1).max(255).optional().describe("tag: the tag to follow."),
    semver: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[-0-9A-Za-z.*^~<>=|+, ]+$/)
      .optional()
      .describe(
        "semver: follow the highest version among the tags in a range such as `>=1.2 <2`; a pre-release only if the range names one.",
      ),
    name: z
      .string()
      .max(255)
      .regex(/^refs\/./)
      .optional()
      .describe("name: the full name of what to follow, such as refs/pull/7/head."),
    commit: z
      .string()
      .max(40)
      .regex(/^[0-9a-f]{40}$/)
      .optional()
      .describe("commit: a full commit hash; nothing is followed."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "[has(self.branch), has(self.tag), has(self.semver), has(self.name), has(self.commit)].filter(x, x).size() <= 1",
        message: "set one of branch, tag, semver, name and commit",
      },
    ],
  });

export const ignoreRule = z.object({
  target: z
    .object({
      group: z.string().max(253).optional().describe('group: the API group, "" for core. Default: any.'),
      kind: z.string().min(1).max(63),
      name: z.string().min(1).max(253).optional().describe("name: of one object. Default: all of the kind."),
      namespace: z.string().min(1).max(63).optional(),
    })
    .describe("target: the objects that are meant."),
  paths: z
    .array(
      z
        .string()
        .max(512)
        .regex(/^(\/([^~/]|~[01])*)+$/)
        .meta({
          "x-kubernetes-validations": [
            {
              rule: "!(self in ['/apiVersion', '/kind']) && (!self.startsWith('/metadata') || self.startsWith('/metadata/labels/') || self.startsWith('/metadata/annotations/'))",
              message: "of the metadata only single labels and annotations can be ignored",
            },
          ],
        }),
    )
    .min(1)
    .max(20)
    .meta({ "x-kubernetes-list-type": "set" })
    .describe("paths: JSON pointers (RFC 6901), for example /spec/replicas."),
});

export const webhookProvider = z.enum(["Generic", "GitHub", "GitLab", "Gitea", "Bitbucket"]);
export type WebhookProvider = z.infer<typeof webhookProvider>;

export const verify = z.object({
  mode: z
    .enum(["Commits", "Tag", "TagAndCommits"])
    .default("Commits")
    .describe(
      "mode: what must be signed: every commit since the last one that was verified, the annotated tag, or both.",
    ),
  secretRef: z
    .object({ name: objectName })
    .describe(
      "secretRef: a Secret in this namespace with the public keys: *.asc (OpenPGP), *.pub (SSH), or allowed_signers and revoked_keys as OpenSSH has them.",
    ),
});

const substituteFrom = z.object({
  kind: z.enum(["ConfigMap", "Secret"]),
  name: objectName,
  optional: z.boolean().default(false).describe("optional: that there is none is no error."),
  use: z
    .enum(["SecretsOnly", "Anywhere"])
    .default("SecretsOnly")
    .describe(
      "use: where values of a Secret may go: only into Secrets, or into any object, where whoever may read it sees them. Without meaning for a ConfigMap.",
    ),
});

export const substitute = z.object({
  values: z
    .record(z.string(), z.string().max(16_384))
    .meta({ maxProperties: 100 })
    .optional()
    .describe("values: texts by the names of variables. They outrank those of from."),
  from: z
    .array(substituteFrom)
    .max(16)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe(
      "from: ConfigMaps and Secrets of this namespace whose keys name variables. A later one outranks an earlier one.",
    ),
});

export const helm = z.object({
  releaseName: z
    .string()
    .min(1)
    .max(53)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .optional()
    .describe("releaseName: the chart's .Release.Name. Default: the name of the GitSync."),
  valuesFiles: z
    .array(
      z
        .string()
        .min(1)
        .max(1024)
        .meta({
          "x-kubernetes-validations": [
            {
              rule: "!self.startsWith('/') && !self.contains('://')",
              message: "a values file is a path in the repository, relative to spec.path",
            },
          ],
        }),
    )
    .max(32)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .default([])
    .describe("valuesFiles: files with values, relative to spec.path; the later ones win."),
  values: z
    .looseObject({})
    .default({})
    .describe(
      "values: values over those of all files. Secrets do not belong here: whoever reads the GitSync reads them.",
    ),
});
