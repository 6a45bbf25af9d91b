import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { AppImage } from "../apps/images.ts";
import { cacheDirectory, cached } from "../cluster/cache.ts";
import { buildImage, type ImageSpec } from "../cluster/index.ts";
import { renderers } from "./renderers.ts";

/** The repository's root. */
export const ROOT = join(import.meta.dirname, "../..");

const execute = promisify(execFile);
const IMAGE = "fairlead.local/fairlead";
const KEPT_IMAGES = 4;
const USER = "65532";
const HOME = "/tmp";
const CA_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

type Files = ImageSpec["files"];

/**
 * Builds the operator's image without Docker or a registry: what the Dockerfile puts together, taken from this machine.
 * Needs Linux, as the programs in it are this machine's. One that was made of the same things is found in milliseconds.
 */
export async function operatorImage(log: (line: string) => void = () => {}): Promise<AppImage> {
  if (process.platform !== "linux")
    throw new Error("the operator's image is made of this machine's programs: use Linux");
  const programs = await programFiles(log);
  const made = await cached({
    family: "fairlead-image",
    hash: fingerprint(programs),
    lock: "fairlead-image",
    log,
    make: async (draft) => {
      await removeOldImages();
      const image = await buildImage(imageSpec(programs, await compiled(log)));
      await writeFile(join(draft, "image.json"), JSON.stringify(image));
    },
  });
  const image = JSON.parse(await readFile(join(made, "image.json"), "utf8")) as AppImage;
  return existsSync(image.tar) ? image : buildImage(imageSpec(programs, await compiled(log)));
}

function imageSpec(programs: Files, compiledTo: string): ImageSpec {
  return {
    name: IMAGE,
    files: [
      ...programs,
      { from: join(compiledTo, "dist"), to: "/app/dist" },
      { from: join(ROOT, "package.json"), to: "/app/package.json" },
      ...productionModules(),
    ],
    text: {
      // ssh refuses to run for a uid that has no name.
      "/etc/passwd": `root:x:0:0::/root:/usr/sbin/nologin\nfairlead:x:${USER}:${USER}::${HOME}:/usr/sbin/nologin\n`,
      "/etc/group": `root:x:0:\nfairlead:x:${USER}:\n`,
      // "files" and "dns" are in the C library itself, since its version 2.34.
      "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    },
    env: { NODE_ENV: "production", HOME },
    user: `${USER}:${USER}`,
    entrypoint: ["/usr/local/bin/node", "/app/dist/main.js"],
  };
}

async function programFiles(log: (line: string) => void): Promise<Files> {
  const { kustomize, helm, sandbox } = await renderers(log);
  return [
    { from: join(ROOT, "node_modules/node/bin/node"), to: "/usr/local/bin/node", mode: 0o755 },
    ...(await gitFiles()),
    { from: await onPath("ssh"), to: "/usr/bin/ssh", mode: 0o755 },
    { from: kustomize, to: "/usr/local/bin/kustomize", mode: 0o755 },
    { from: helm, to: "/usr/local/bin/helm", mode: 0o755 },
    { from: sandbox, to: "/usr/local/bin/fairlead-sandbox", mode: 0o755 },
    // git runs ssh and helpers through a shell.
    { from: await onPath("sh"), to: "/bin/sh", mode: 0o755 },
    { from: caBundle(), to: "/etc/ssl/certs/ca-certificates.crt" },
  ];
}

/** Stands for the content of an image without reading 200 MB: packages are what the lock file says. */
function fingerprint(programs: Files): string {
  const hash = createHash("sha256")
    .update(sourceHash())
    .update(readFileSync(import.meta.filename));
  for (const { from } of programs) {
    const { size, mtimeMs } = statSync(from);
    hash.update(`${from} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Every change of the sources makes an image of 200 MB: those that no run can be using any more go. */
async function removeOldImages(): Promise<void> {
  const family = `image-${IMAGE.replaceAll("/", "-")}-`;
  const names = (await readdir(cacheDirectory())).filter((name) => name.startsWith(family));
  const images = names
    .map((name) => join(cacheDirectory(), name))
    .map((path) => ({ path, used: statSync(path).mtimeMs }));
  const old = images.sort((a, b) => b.used - a.used).slice(KEPT_IMAGES);
  for (const { path, used } of old) {
    if (Date.now() - used > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

/** Compiles src/ outside of the tree, once for each content; types are `npm run check`'s affair. */
async function compiled(log: (line: string) => void): Promise<string> {
  const sources = globSync(["src/**/*.ts", "tsconfig*.json", "package.json", "package-lock.json"], {
    cwd: ROOT,
  }).sort();
  const hash = createHash("sha256");
  for (const file of sources) hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)));
  return cached({
    family: "fairlead-dist",
    hash: hash.digest("hex").slice(0, 16),
    lock: "fairlead-dist",
    log,
    make: async (draft) => {
      const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
      const args = ["-p", "tsconfig.build.json", "--noCheck", "--outDir", join(draft, "dist")];
      await execute(process.execPath, [tsc, ...args], { cwd: ROOT }).catch((cause: unknown) => {
        const said = cause instanceof Error && "stdout" in cause ? String(cause.stdout) : "";
        throw new Error(`the operator does not compile:\n${said}`, { cause });
      });
    },
  });
}

function sourceHash(): string {
  const sources = globSync(["src/**/*.ts", "tsconfig*.json", "package.json", "package-lock.json"], { cwd: ROOT });
  const hash = createHash("sha256");
  for (const file of sources.sort()) hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)));
  return hash.digest("hex").slice(0, 16);
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** The packages that `npm ci --omit=dev` would install; optional ones of other platforms are not there. */
function productionModules(): Files {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== "" && !entry.dev && !entry.link && existsSync(join(ROOT, path)))
    .flatMap(([path]) => moduleFiles(path));
}

/** One package. 60 MB of client-node are models, which only its OIDC plugin loads; no test uses that. */
function moduleFiles(path: string): Files {
  if (path !== "node_modules/@kubernetes/client-node") return [{ from: join(ROOT, path), to: `/app/${path}` }];
  const below = (folder: string, except: readonly string[]): Files =>
    readdirSync(join(ROOT, folder))
      .filter((name) => !except.includes(name))
      .map((name) => ({ from: join(ROOT, folder, name), to: `/app/${folder}/${name}` }));
  return [...below(path, ["dist", "src"]), ...below(`${path}/dist`, ["gen"])];
}

/** git, and of its helpers those that speak HTTP; everything else that Fairlead uses is in git itself. */
async function gitFiles(): Promise<Files> {
  const git = realpathSync(await onPath("git"));
  const { stdout } = await execute(git, ["--exec-path"]);
  const helpers = stdout.trim();
  return [
    { from: git, to: "/usr/bin/git", mode: 0o755 },
    ...["git-remote-http", "git-remote-https"].map((name) => ({
      from: join(helpers, name),
      to: join(helpers, name),
      mode: 0o755,
    })),
  ];
}

function caBundle(): string {
  const found = CA_BUNDLES.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`there is no CA bundle on this machine; looked for ${CA_BUNDLES.join(", ")}`);
  return found;
}

async function onPath(program: string): Promise<string> {
  const { stdout } = await execute("/bin/sh", ["-c", `command -v ${program}`]).catch(() => {
    throw new Error(`there is no ${program} on this machine; npm run setup installs it on Debian`);
  });
  return realpathSync(stdout.trim());
}
