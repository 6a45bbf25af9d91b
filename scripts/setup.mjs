// Makes this machine ready to run the scripts of package.json: node_modules as package-lock.json says, and on Debian-like
// Linux the system packages that the local cluster uses. Plain JavaScript without dependencies: it runs before anything
// is installed, on the machine's own Node (20 or newer). Does nothing, in milliseconds, when all is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Debian package, and the files of which at least one must be there for it to count as installed. */
const systemPackages = [
  ["containerd", ["containerd"]],
  ["runc", ["runc"]],
  ["containernetworking-plugins", ["/usr/lib/cni/ptp", "/opt/cni/bin/ptp"]],
  ["iptables", ["iptables"]],
  ["conntrack", ["conntrack"]],
  ["iproute2", ["ip"]],
  ["util-linux", ["nsenter"]],
  ["mount", ["mount"]],
  ["curl", ["curl"]],
  ["git", ["git"]],
  ["openssh-client", ["ssh"]],
  ["openssh-server", ["sshd"]],
  ["libc-bin", ["ldd"]],
  ["ca-certificates", ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]],
];

const say = (line) => process.stderr.write(`setup: ${line}\n`);

function fail(...lines) {
  for (const line of lines) say(line);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], cwd: root, ...options });
  return result.status === 0;
}

function isThere(file) {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  const candidates = file.startsWith("/") ? [file] : directories.map((directory) => join(directory, file));
  return candidates.some((candidate) => {
    try {
      accessSync(candidate, file.startsWith("/") ? constants.R_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function setUpNodeModules() {
  const modules = join(root, "node_modules");
  const stamp = join(modules, ".fairlead-setup");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const has = existsSync(stamp) ? readFileSync(stamp, "utf8").trim() : "";
  if (has === wanted && existsSync(join(modules, ".bin", "node"))) return;
  if (!has && existsSync(join(modules, ".package-lock.json")) && matchesLock(modules)) {
    writeFileSync(stamp, `${wanted}\n`);
    return;
  }
  say("node_modules does not match package-lock.json: npm ci");
  const started = Date.now();
  if (!run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { shell: process.platform === "win32" })) {
    fail("npm ci failed, see above");
  }
  mkdirSync(modules, { recursive: true });
  writeFileSync(stamp, `${wanted}\n`);
  say(`npm ci took ${seconds(started)}`);
}

/** Whether what npm says it installed is what the lock file asks for (optional packages of other platforms aside). */
function matchesLock(modules) {
  const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  const installed = read(join(modules, ".package-lock.json"));
  const locked = read(join(root, "package-lock.json"));
  return (
    existsSync(join(modules, ".bin", "node")) &&
    Object.entries(locked).every(
      ([path, entry]) =>
        path === "" || (installed[path] === undefined ? entry.optional : installed[path].version === entry.version),
    )
  );
}

/**
 * Installing a server package must not start the server. Debian asks /usr/sbin/policy-rc.d before it starts anything:
 * answer 101 ("forbidden") while apt runs, and put back what was there before.
 */
function withoutStartingServices(action) {
  const policy = "/usr/sbin/policy-rc.d";
  const aside = `${policy}.fairlead-aside`;
  const mark = "# put here by fairlead's scripts/setup.mjs while it installs packages";
  const ours = existsSync(policy) && readFileSync(policy, "utf8").includes(mark);
  if (existsSync(policy) && !ours) renameSync(policy, aside);
  writeFileSync(policy, `#!/bin/sh\n${mark}\nexit 101\n`);
  chmodSync(policy, 0o755);
  try {
    return action();
  } finally {
    rmSync(policy, { force: true });
    if (existsSync(aside)) renameSync(aside, policy);
  }
}

function setUpSystemPackages() {
  if (process.platform !== "linux") return;
  if (process.env.FAIRLEAD_KUBE_CONTEXT) return;
  const missing = systemPackages.filter(([, files]) => !files.some(isThere)).map(([name]) => name);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const canInstall = isThere("apt-get") && process.getuid?.() === 0;
  if (!canInstall) {
    say(`the local cluster needs programs that are not on this machine: ${missing.join(", ")}`);
    say(isThere("apt-get") ? `as root: ${command}` : "install the packages of your distribution that have them");
    say("or use a cluster of yours (FAIRLEAD_KUBE_CONTEXT=<kubeconfig context>), or kind (a running Docker)");
    // Not an error yet: `git` and `ssh` aside, a context or kind gets by without, and openCluster() decides.
    return;
  }
  say(command);
  const started = Date.now();
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const installed = withoutStartingServices(() => {
    const options = ["-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"];
    const stdio = ["ignore", 2, 2]; // stdout stays clean: its readers want what the script after this one prints
    run("apt-get", ["-qq", "update"], { env, stdio });
    return run("apt-get", ["install", ...options, ...missing], { env, stdio });
  });
  // They are for our own use, each with its own configuration: no daemon at the next start of the machine either.
  if (installed && isThere("systemctl")) {
    const units = ["containerd", "ssh"].filter((unit) =>
      missing.some((name) => name.startsWith(unit === "ssh" ? "openssh-server" : unit)),
    );
    if (units.length > 0) spawnSync("systemctl", ["disable", ...units], { stdio: "ignore" });
  }
  if (!installed) fail(`could not install them, see above; as root: apt-get update && ${command}`);
  say(`installed in ${seconds(started)}`);
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

setUpNodeModules();
setUpSystemPackages();
