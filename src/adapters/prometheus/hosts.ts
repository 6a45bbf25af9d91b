import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { namesHost } from "../../core/net/hostNames.ts";

/** Which hosts may be asked; the operator's administrator decides, not who writes a ProgressiveRollout. */
export interface MetricsHosts {
  /** Names, or `*.example.com` for all below one: only these, wherever they are. Absent: any that is not local. */
  readonly hosts?: readonly string[];
  /** Tells whether an address is of the operator's machine, its link or a metadata service. */
  readonly isLocal: (address: string) => boolean;
}

/** A host that may not be asked. */
export class HostRefused extends Error {
  override readonly name = "HostRefused";
}

/** Refuses a host by its name, or by its address when that is its name. Throws `HostRefused`. */
export function checkHost({ hosts, isLocal }: MetricsHosts, name: string): void {
  if (hosts !== undefined) {
    if (namesHost(hosts, name)) return;
    throw new HostRefused(`${name} is none of the hosts that the operator may ask for metrics (flag --metrics-hosts)`);
  }
  const bare = name.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0 && isLocal(bare)) throw local(name);
}

/** Resolves names for connections: what is checked is what is connected to, whatever another look-up would say. */
export function guardedLookup({ hosts, isLocal }: MetricsHosts): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const refused = hosts === undefined && error === null && found.some(({ address }) => isLocal(address));
      const [first] = found ?? [];
      if (error !== null || first === undefined) callback(error ?? new Error(`${name} has no address`), []);
      else if (refused) callback(local(name), []);
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

function local(name: string): HostRefused {
  return new HostRefused(
    `${name} is at an address of the operator's machine, its link or a metadata service, which is not asked for metrics unless the operator's flag --metrics-hosts names it`,
  );
}
