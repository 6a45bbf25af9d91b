import { lookup } from "node:dns";
import { isIP } from "node:net";
import { namesHost } from "../../core/net/hostNames.ts";
import { type HostGuard, HostRefused } from "../../ports/hosts.ts";

/** What a guard lets through. */
export interface HostRules {
  /** Names, or `*.example.com` for all below one: only these, wherever they are. Absent: any that is not local. */
  readonly hosts?: readonly string[] | undefined;
  /** Tells whether an address is of the operator's machine, its link or a metadata service. */
  readonly isLocal: (address: string) => boolean;
  /** What hosts are asked for, as in "metrics". */
  readonly purpose: string;
  /** The flag that names hosts. */
  readonly flag: string;
}

/** Guards connections to hosts that people name in resources. */
export function guardHosts({ hosts, isLocal, purpose, flag }: HostRules): HostGuard {
  const local = (name: string) =>
    new HostRefused(
      `${name} is at an address of the operator's machine, its link or a metadata service, which is not asked for ${purpose} unless the operator's flag ${flag} names it`,
    );
  return {
    check(name) {
      if (hosts !== undefined) {
        if (namesHost(hosts, name)) return;
        throw new HostRefused(`${name} is none of the hosts that the operator may ask for ${purpose} (flag ${flag})`);
      }
      const bare = name.replace(/^\[|\]$/g, "");
      if (isIP(bare) !== 0 && isLocal(bare)) throw local(name);
    },
    lookup(name, options, callback) {
      lookup(name, { ...options, all: true }, (error, found) => {
        const refused = hosts === undefined && error === null && found.some(({ address }) => isLocal(address));
        const [first] = found ?? [];
        if (error !== null || first === undefined) callback(error ?? new Error(`${name} has no address`), []);
        else if (refused) callback(local(name), []);
        else if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      });
    },
  };
}
