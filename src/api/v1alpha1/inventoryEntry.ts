import { z } from "zod";

/** One object that a sync has applied or is about to apply. */
export const inventoryEntry = z.object({
  id: z.string().max(1024).describe("id: group/Kind/namespace/name."),
  apiVersion: z.string().max(317),
  uid: z.string().max(64).optional().describe("uid: of the object that was applied; absent while only planned."),
});
export type InventoryEntry = Readonly<z.infer<typeof inventoryEntry>>;
