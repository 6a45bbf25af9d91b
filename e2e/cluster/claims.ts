import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { identify, isAlive, type ProcessIdentity } from "./processIdentity.ts";

/** Environment variable that marks every process started for a claim with the claim's id. */
export const ownerVariable = "FAIRLEAD_CLUSTER_ID";

/** What a launcher holds on this machine: enough for anybody to remove it once the launcher is gone. */
export interface Claim {
  readonly id: string;
  readonly kind: "cluster" | "control-plane";
  /** 1 to 254, held by one claim at a time: numbers the subnet, the network interface and the ports. */
  readonly slot: number;
  readonly directory: string;
  readonly launcher: ProcessIdentity;
  readonly keeper?: ProcessIdentity;
  /** PID 1 of the claim's namespaces, as this machine numbers it. */
  readonly init?: ProcessIdentity;
}

const prefix = "fairlead-";
const recordName = "claim.json";
const slots = Array.from({ length: 254 }, (_, index) => index + 1);

/** This machine's address on the link to the cluster of a slot (198.18/15 is set aside for tests like these). */
export function hostAddress(slot: number): string {
  return `198.18.${slot}.1`;
}

/** The node's address on the link to the cluster of a slot. */
export function nodeAddress(slot: number): string {
  return `198.18.${slot}.2`;
}

/** Name of this machine's end of the link to the cluster of a slot. */
export function linkName(slot: number): string {
  return `fairlead${slot}`;
}

/** Path of a claim's cgroup below the mount point of each cgroup hierarchy. */
export function cgroupName(claim: Claim): string {
  return `fairlead-${claim.id}`;
}

/**
 * Takes a free slot. The directory appears under its final name with its record already inside (rename is atomic and
 * refuses a directory that is not empty), so neither two launchers nor a sweep can misread a half-made claim.
 */
export function takeClaim(kind: Claim["kind"]): Claim {
  const id = randomBytes(4).toString("hex");
  const draft = join(tmpdir(), `.${prefix}draft-${id}`);
  const launcher = identify(process.pid);
  mkdirSync(draft, { mode: 0o700 });
  try {
    for (const slot of slots) {
      if (slotIsOnNetwork(slot)) continue;
      const claim: Claim = { id, kind, slot, directory: join(tmpdir(), `${prefix}${slot}`), launcher };
      writeFileSync(join(draft, recordName), JSON.stringify(claim));
      try {
        renameSync(draft, claim.directory);
        return claim;
      } catch (error) {
        if (!isOccupied(error)) throw error;
      }
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  throw new Error(`all ${slots.length} slots for clusters under ${tmpdir()} are taken`);
}

/** Adds what became known to a claim's record. */
export function updateClaim(claim: Claim, more: Partial<Pick<Claim, "keeper" | "init">>): Claim {
  const updated = { ...claim, ...more };
  const draft = join(claim.directory, `${recordName}.new`);
  writeFileSync(draft, JSON.stringify(updated));
  renameSync(draft, join(claim.directory, recordName));
  return updated;
}

/** Reads the record in a claim's directory, if there is one. */
export function readClaim(directory: string): Claim | undefined {
  try {
    // The directory's name is the truth, whatever a copied record says: it is what gets removed.
    return { ...(JSON.parse(readFileSync(join(directory, recordName), "utf8")) as Claim), directory };
  } catch {
    return undefined;
  }
}

/** All claims of this user on this machine. */
export function listClaims(): Claim[] {
  return readdirSync(tmpdir())
    .filter((name) => new RegExp(`^${prefix}\\d+$`).test(name))
    .flatMap((name) => {
      const directory = join(tmpdir(), name);
      const claim = isOurs(directory) ? readClaim(directory) : undefined;
      return claim ? [claim] : [];
    });
}

/** Whether nobody looks after a claim any more: neither its launcher nor its keeper runs. */
export function isAbandoned(claim: Claim): boolean {
  return !isAlive(claim.launcher) && !isAlive(claim.keeper);
}

function isOurs(directory: string): boolean {
  try {
    return statSync(directory).uid === process.getuid?.();
  } catch {
    return false;
  }
}

function slotIsOnNetwork(slot: number): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.startsWith(`198.18.${slot}.`)),
  );
}

function isOccupied(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  // EPERM and EACCES: in a shared temporary directory the name may belong to another user.
  return ["ENOTEMPTY", "EEXIST", "ENOTDIR", "EPERM", "EACCES"].includes(String(code));
}
