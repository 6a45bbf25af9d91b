import { z } from "zod";
import { objectName } from "./common.ts";

const expression = z.string().min(1).max(1024);

/** How objects of one kind tell their health. */
export const healthCheck = z
  .object({
    apiVersion: z.string().min(1).max(317).describe("apiVersion: of the objects, as in Git."),
    kind: z.string().min(1).max(63).describe("kind: of the objects, as in Git."),
    current: expression
      .optional()
      .describe(
        "current: a CEL expression over `self`, the live object: true when it is as the spec asks. Unless set, what neither fails nor is under way is current.",
      ),
    inProgress: expression
      .optional()
      .describe("inProgress: a CEL expression over `self`: true while it is under way. Asked first."),
    failed: expression
      .optional()
      .describe("failed: a CEL expression over `self`: true when only a change helps. Asked second."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "has(self.current) || has(self.inProgress) || has(self.failed)",
        message: "set at least one of current, inProgress and failed",
      },
    ],
  });

/** Another sync that must be ready before something new is applied. */
export const dependency = z.object({
  name: objectName.describe("name: of the other GitSync."),
  namespace: objectName
    .optional()
    .describe(
      "namespace: of the other GitSync. Default: this one's; another one only where the operator allows it (--cross-namespace-refs).",
    ),
  readyExpr: expression
    .optional()
    .describe(
      "readyExpr: a CEL expression over `self` and `dep`, the two GitSyncs. Unless set, the other one must be Ready at its own newest revision.",
    ),
});
export type Dependency = Readonly<z.infer<typeof dependency>>;
