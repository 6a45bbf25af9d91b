import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** Programs of the system, not built here, that a local cluster runs. */
const programs = ["unshare", "nsenter", "ip", "mount", "containerd", "ctr", "runc", "iptables", "curl"];

/** PATH for programs of a cluster: the caller's, and where system programs are that only root needs. */
export function searchPath(): string {
  return [process.env["PATH"] ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);
}

/** Where the CNI plugins are; refuses with one sentence when they or a program are missing. */
export function checkRequirements(): { readonly plugins: string } {
  const plugins = ["/usr/lib/cni", "/opt/cni/bin"].find((directory) => existsSync(join(directory, "ptp")));
  const missing = programs.filter((name) => !isOnPath(name));
  if (!plugins) missing.push("CNI plugins in /usr/lib/cni or /opt/cni/bin");
  if (missing.length > 0 || !plugins) {
    throw new Error(
      `the local cluster needs ${missing.join(", ")}: \`npm run setup\` installs them as root on Debian; ` +
        "or name a cluster of yours with FAIRLEAD_KUBE_CONTEXT=<kubeconfig context>",
    );
  }
  return { plugins };
}

function isOnPath(name: string): boolean {
  return searchPath()
    .split(delimiter)
    .some((directory) => {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
