import type { GitSync } from "../../api/v1alpha1/gitsync.ts";

/** What the operator lets syncs do. */
export interface Tenancy {
  /** No sync uses the operator's own rights. */
  readonly requireServiceAccount: boolean;
  /** The account, in the sync's own namespace, of a sync that names none. */
  readonly defaultServiceAccount?: string;
  /** Syncs may refer to other namespaces. */
  readonly crossNamespaceRefs: boolean;
}

/** Who the writes of a sync are made as. */
export type Writer =
  | { readonly kind: "Operator" }
  | { readonly kind: "Account"; readonly namespace: string; readonly name: string }
  | { readonly kind: "Refused"; readonly message: string };

/** Decides who the writes of a sync are made as; an account is always one of the sync's own namespace. */
export function writerOf({ object, spec }: GitSync, tenancy: Tenancy): Writer {
  const name = spec.serviceAccountName ?? tenancy.defaultServiceAccount;
  if (name !== undefined) return { kind: "Account", namespace: object.metadata.namespace ?? "", name };
  if (!tenancy.requireServiceAccount) return { kind: "Operator" };
  const message =
    "spec.serviceAccountName is not set, and the operator lets no sync use its own rights; name an account of this namespace";
  return { kind: "Refused", message };
}
