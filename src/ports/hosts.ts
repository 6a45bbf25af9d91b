import type { LookupFunction } from "node:net";

/** A host that may not be asked. The message is one sentence with the way out. */
export class HostRefused extends Error {
  override readonly name = "HostRefused";
}

/** Says which hosts may be connected to; the operator's administrator decides, not who writes a resource. */
export interface HostGuard {
  /** Refuses a host by its name, or by its address when that is its name. Throws `HostRefused`. */
  check(name: string): void;
  /** Resolves names for connections: what is checked is what is connected to, whatever another look-up would say. */
  readonly lookup: LookupFunction;
}
