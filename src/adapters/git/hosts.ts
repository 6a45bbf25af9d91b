import { isIP } from "node:net";
import { namesHost } from "../../core/net/hostNames.ts";
import { GitError } from "../../ports/git.ts";
import { type Reach, reachOf } from "./addresses.ts";
import { type Lookup, lookUp, remembering } from "./lookup.ts";
import type { Remote } from "./validate.ts";

/** Which hosts may be asked; the operator's administrator decides, not who writes a GitSync. */
export interface HostPolicy {
  /** Names, or `*.example.com` for all below one. Absent: any host. */
  readonly hosts?: readonly string[];
  /** Which addresses may be connected to: those of the internet, of private networks too, or any. */
  readonly addresses: "public" | "private" | "any";
}

/** A host and port as they stand in a checked URL. */
export type Place = Pick<Remote, "name" | "port">;

/** What is to be admitted. */
export interface Admission {
  readonly proxied: boolean;
  /** A repository named the host, or its server: it must be public, or named by the administrator. */
  readonly strict?: boolean;
}

const allowed: Readonly<Record<HostPolicy["addresses"], readonly Reach[]>> = {
  public: ["Public"],
  private: ["Public", "Private"],
  any: ["Public", "Private", "Local"],
};
const known: Readonly<Record<Reach, string>> = {
  Public: "a public address",
  Private: "an address of a private network",
  Local: "an address of the machine, its link or its metadata service",
};

/** Keeps the policy: by name before anything else happens, by address before each connection. */
export class Hosts {
  readonly #policy: HostPolicy;
  readonly #lookup: Lookup;

  constructor(policy: HostPolicy, resolve: Lookup = remembering(lookUp)) {
    this.#policy = policy;
    this.#lookup = resolve;
  }

  /** Tells whether the administrator has named a host. */
  names(name: string): boolean {
    return namesHost(this.#policy.hosts ?? [], name);
  }

  /** Refuses a host that the administrator did not name, if any were named. */
  check({ name }: Pick<Place, "name">): void {
    if (this.#policy.hosts === undefined || this.names(name)) return;
    throw new GitError("HostRefused", `${name} is none of the Git hosts that the operator may ask (flag --git-hosts)`);
  }

  /**
   * The addresses that a connection may go to: it must go to one of these, not to what another lookup would say.
   * Behind a proxy a name that does not resolve here is the proxy's to resolve: the answer is empty.
   */
  async admit({ name }: Place, how: Admission, signal: AbortSignal): Promise<readonly string[]> {
    const bare = name.replace(/^\[|\]$/g, "");
    const found = isIP(bare) === 0 ? await this.#addresses(bare, how.proxied, signal) : [bare];
    const reach = how.strict === true && !this.names(name) ? allowed.public : allowed[this.#policy.addresses];
    const refused = found.find((address) => !reach.includes(reachOf(address)));
    if (refused === undefined) return found;
    throw new GitError(
      "HostRefused",
      `${name} is at ${known[reachOf(refused)]} (${refused}), which the operator does not connect to (flag --git-addresses)`,
    );
  }

  async #addresses(name: string, proxied: boolean, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await this.#lookup(name, signal);
    } catch {
      signal.throwIfAborted();
      if (proxied) return [];
      throw new GitError("HostUnknown", `the name ${name} cannot be resolved; check the URL and the cluster's DNS`);
    }
  }
}
