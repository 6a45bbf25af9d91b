import { z } from "zod";
import { conditions, time } from "./common.ts";
import { inventoryEntry } from "./inventoryEntry.ts";
import { PACKED_MAX } from "./packing.ts";

const syncHistory = z.object({
  revision: z.string().max(64),
  subject: z.string().max(200).optional(),
  author: z.string().max(200).optional(),
  outcome: z.enum(["Applied", "Failed"]),
  reason: z.string().max(128),
  finishedAt: time,
  durationMillis: z.int().min(0).max(86_400_000),
  objects: z.int().min(0).max(100_000),
});

export const gitSyncStatus = z.object({
  observedGeneration: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  conditions: conditions.optional(),
  attemptedRevision: z.string().max(64).optional().describe("attemptedRevision: the commit last worked on."),
  verifiedRevision: z
    .string()
    .max(64)
    .optional()
    .describe("verifiedRevision: the last commit whose signature was verified."),
  verifiedTag: z.string().max(64).optional().describe("verifiedTag: the tag object that was verified with it."),
  attemptedRef: z.string().max(300).optional().describe("attemptedRef: the full name of the ref that stood for it."),
  appliedRevision: z.string().max(64).optional().describe("appliedRevision: the commit last applied as a whole."),
  subject: z.string().max(200).optional().describe("subject: first line of the applied commit's message."),
  objects: z.int().min(0).max(100_000).optional().describe("objects: how many objects are applied."),
  inventory: z
    .array(inventoryEntry)
    .max(20_000)
    .meta({ "x-kubernetes-list-type": "atomic" })
    .optional()
    .describe(
      "inventory: what is applied or about to be; of more than a thousand objects packedInventory has it instead.",
    ),
  packedInventory: z
    .string()
    .max(PACKED_MAX)
    .optional()
    .describe("packedInventory: a large inventory, as base64 of gzip of JSON."),
  history: z.array(syncHistory).max(10).meta({ "x-kubernetes-list-type": "atomic" }).optional(),
  lastHandledRequest: z.string().max(256).optional(),
});
