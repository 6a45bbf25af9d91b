/** When a key is to be looked at again, apart from what watches bring. */
export type Requeue = { readonly kind: "Never" } | { readonly kind: "After"; readonly ms: number };

/** Only a watch event brings the key back. */
export const never: Requeue = { kind: "Never" };

/** The key comes back after this time at the latest. */
export function after(ms: number): Requeue {
  return { kind: "After", ms };
}
