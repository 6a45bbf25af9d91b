import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";

interface GoBinary {
  /** Directory below binaries/, or a path from there, whose go.mod pins the version. */
  readonly module: string;
  readonly package: string;
  readonly tags?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

const kubernetesVersion = "v1.35.4";
const [kubernetesMajor = "", kubernetesMinor = ""] = kubernetesVersion.slice(1).split(".");

function kubernetes(name: string): GoBinary {
  return {
    module: "kubernetes",
    package: `k8s.io/kubernetes/cmd/${name}`,
    variables: { "k8s.io/component-base/version.gitVersion": kubernetesVersion },
  };
}

const binaries: Readonly<Record<string, GoBinary>> = {
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  "kube-proxy": kubernetes("kube-proxy"),
  kubelet: kubernetes("kubelet"),
  kubectl: kubernetes("kubectl"),
  etcd: { module: "etcd", package: "go.etcd.io/etcd/server/v3" },
  coredns: { module: "coredns", package: "github.com/coredns/coredns" },
  helm: {
    module: "../../../renderers/helm",
    package: "helm.sh/helm/v3/cmd/helm",
    variables: {
      "helm.sh/helm/v3/internal/version.version": "v3.22.0",
      // What `helm template` takes the cluster to be; 1.20 unless told, which charts refuse.
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": kubernetesMajor,
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": kubernetesMinor,
    },
  },
  kustomize: {
    module: "../../../renderers/kustomize",
    package: "sigs.k8s.io/kustomize/kustomize/v5",
    variables: { "sigs.k8s.io/kustomize/api/provenance.version": "v5.8.2" },
  },
  "fairlead-sandbox": { module: "../../../renderers/sandbox", package: "." },
  kind: { module: "kind", package: "sigs.k8s.io/kind" },
  prometheus: {
    module: "prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    tags: "remove_all_sd,enable_kubernetes_sd",
    variables: { "github.com/prometheus/common/version.Version": "3.16.0" },
  },
  // Newer ones want a module that the proxy does not have.
  traefik: {
    module: "traefik",
    package: "github.com/traefik/traefik/v3/cmd/traefik",
    variables: { "github.com/traefik/traefik/v3/pkg/version.Version": "3.6.12" },
  },
};

/** Programs that the envtest convention provides ready-made. */
const envtest = new Set(["etcd", "kube-apiserver", "kubectl"]);
const running = new Map<string, Promise<string>>();
const silent = () => {};

/** Absolute path of a binary built (once) from its pinned Go module: "kubectl", "helm", "prometheus", "etcd" and so on. */
export function binary(name: string, log: (line: string) => void = silent): Promise<string> {
  const spec = binaries[name];
  if (!spec) throw new Error(`no binary "${name}"; there are: ${Object.keys(binaries).join(", ")}`);
  const given = process.env["KUBEBUILDER_ASSETS"];
  if (given && envtest.has(name) && isExecutable(join(given, name))) return Promise.resolve(resolve(given, name));
  const directory = fileURLToPath(new URL(`./binaries/${spec.module}`, import.meta.url));
  return once(`binary ${name}`, () => build(name, directory, spec, log));
}

/** Builds a static Go program of this repository (module directory, package) into the cache and returns its path. */
export function goProgram(moduleDir: string, pkg: string, log: (line: string) => void = silent): Promise<string> {
  const directory = resolve(moduleDir);
  const name =
    (pkg.replace(/\/+$/, "").split("/").at(-1) ?? "").replace(/^\.*$/, "") || directory.split("/").at(-1) || "program";
  return once(`program ${directory} ${pkg}`, () => build(name, directory, { module: directory, package: pkg }, log));
}

/** Directory of the sources of a Go module that is pinned below binaries/: for files that it brings beside its code. */
export async function moduleSources(directory: string, module: string): Promise<string> {
  const pinned = fileURLToPath(new URL(`./binaries/${directory}`, import.meta.url));
  await run("go", ["mod", "download", module], pinned);
  return run("go", ["list", "-m", "-f", "{{.Dir}}", module], pinned);
}

function once(key: string, make: () => Promise<string>): Promise<string> {
  const known = running.get(key);
  if (known) return known;
  const made = make();
  running.set(key, made);
  made.catch(() => running.delete(key));
  return made;
}

async function build(name: string, directory: string, spec: GoBinary, log: (line: string) => void): Promise<string> {
  const ldflags = ["-s", "-w", ...Object.entries(spec.variables ?? {}).map(([key, value]) => `-X ${key}=${value}`)];
  const flags = [
    "-trimpath",
    "-buildvcs=false",
    "-mod=readonly",
    "-ldflags",
    ldflags.join(" "),
    ...(spec.tags ? ["-tags", spec.tags] : []),
  ];
  const version = await goVersion();
  const hash = createHash("sha256").update(
    JSON.stringify([spec.package, flags, version, process.platform, process.arch]),
  );
  for (const file of sourcesOf(directory)) hash.update(`${file}\n`).update(readFileSync(join(directory, file)));
  const entry = await cached({
    family: name,
    hash: hash.digest("hex").slice(0, 16),
    lock: "go-build", // one at a time: a build takes all processors anyway
    log,
    make: async (draft) => {
      const done = progress(`building ${name} from ${spec.package}`, log);
      await run("go", ["build", ...flags, "-o", join(draft, name), spec.package], directory);
      done();
    },
  });
  return join(entry, name);
}

/** Files whose content decides what a build gives: the pins of the module, and its own sources where it has some. */
function sourcesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(\.go|^go\.mod|^go\.sum)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

let version: Promise<string> | undefined;

function goVersion(): Promise<string> {
  version ??= run("go", ["env", "GOVERSION"], fileURLToPath(new URL("./binaries/kubernetes", import.meta.url)));
  return version;
}

/** Tells that something started, every 15 s that it still goes on, and how long it took. */
function progress(what: string, log: (line: string) => void): () => void {
  const started = performance.now();
  const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
  log(`${what} (once; kept for later runs)`);
  const timer = setInterval(() => log(`${what}: ${seconds()} so far`), 15_000);
  return () => {
    clearInterval(timer);
    log(`${what}: done in ${seconds()}`);
  };
}

function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      stderr = (stderr + String(chunk)).slice(-8000);
    });
    child.on("error", (error) => {
      const hint = "code" in error && error.code === "ENOENT" ? "; Go 1.26 or newer has to be on the PATH" : "";
      reject(new Error(`${command} ${args.join(" ")}: ${error.message}${hint}`));
    });
    child.on("close", (code) => {
      if (code === 0) resolvePromise(stdout.trim());
      else reject(new Error(`${command} ${args.join(" ")} (in ${cwd}) ended with ${code}:\n${stderr}`));
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
