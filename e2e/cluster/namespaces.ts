import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hostAddress, linkName, nodeAddress } from "./claims.ts";
import { environment, type Place, runIn } from "./components.ts";
import type { Hold } from "./holder.ts";
import { childrenOf } from "./processIdentity.ts";
import { waitFor } from "./wait.ts";

/**
 * PID 1 of a cluster. The directories in which container tools leave files under fixed names become the cluster's own,
 * and so do the kernel settings that the kubelet insists on but that count for the whole machine (it finds them as it
 * wants them and writes nothing). Then it waits for its pipe to close, collecting orphans as PID 1 must, and its end
 * ends everything in here.
 */
const initScript = `
set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 fairlead /run
[ -L /var/run ] || mount --bind /run /var/run
mount -t tmpfs -o mode=755 fairlead /var/log
mkdir -p /run/lock /run/netns /run/fairlead/var-lib/upper /run/fairlead/var-lib/work /run/fairlead/sysctl
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/fairlead/var-lib/upper,workdir=/run/fairlead/var-lib/work fairlead /var/lib
setting() {
  [ -e "/proc/sys/$1" ] || return 0
  file="/run/fairlead/sysctl/$(echo "$1" | tr / _)"
  echo "$2" > "$file"
  mount --bind "$file" "/proc/sys/$1"
}
setting vm/overcommit_memory 1
setting vm/panic_on_oom 0
setting kernel/panic 10
setting kernel/panic_on_oops 1
setting kernel/keys/root_maxkeys 1000000
setting kernel/keys/root_maxbytes 25000000
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
cat > /dev/null
`;

/** Makes the namespaces of a cluster and the link between them and this machine. */
export async function makeNamespaces(hold: Hold): Promise<Place> {
  const { claim } = hold;
  mkdirSync(join(claim.directory, "logs"), { recursive: true });
  const kinds = ["--mount", "--net", "--pid", "--ipc", "--uts"];
  const child = spawn("unshare", [...kinds, "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", initScript], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    cwd: "/",
    env: environment(claim),
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  let end: string | undefined;
  child.on("error", (error) => {
    end = error.message;
  });
  child.on("exit", (code) => {
    end = `exit code ${code}`;
  });
  const init = await waitFor(
    "the namespaces of the cluster",
    async () => {
      if (end) throw new Error(`cannot make namespaces (in a container it has to be privileged): ${end}: ${said}`);
      const [pid] = said.includes("ready\n") && child.pid !== undefined ? childrenOf(child.pid) : [];
      return pid === undefined ? { seen: said || "no word from unshare" } : { value: pid };
    },
    { limitMs: 20_000, everyMs: 10 },
  );
  hold.addNamespaces(init, child.stdin);
  child.unref();
  for (const stream of [child.stdout, child.stderr]) {
    if ("unref" in stream && typeof stream.unref === "function") stream.unref();
  }
  const enter = ["nsenter", "--target", String(init), ...kinds];
  const place: Place = { claim: hold.claim, enter };
  await connect(place, init);
  return place;
}

/** One network link: this machine reaches the node and its NodePorts, pods reach this machine through the node. */
async function connect(place: Place, init: number): Promise<void> {
  const { claim } = place;
  const host: Place = { claim, enter: [] };
  const name = linkName(claim.slot);
  const inside = "eth0";
  await runIn(host, ["ip", "link", "add", name, "type", "veth", "peer", "name", inside, "netns", String(init)]);
  await runIn(host, ["ip", "address", "add", `${hostAddress(claim.slot)}/24`, "dev", name]);
  await runIn(host, ["ip", "link", "set", name, "up"]);
  const script = [
    `ip address add ${nodeAddress(claim.slot)}/24 dev ${inside}`,
    `ip link set ${inside} up`,
    // Leads nowhere further, since this machine forwards nothing for it; kubelet and CNI want a default route.
    `ip route add default via ${hostAddress(claim.slot)}`,
  ].join(" && ");
  await runIn(place, ["/bin/sh", "-c", script]);
}
