import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildImage } from "./images.ts";
import { tarArchive } from "./tar.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fairlead-images-"));
  vi.stubEnv("XDG_CACHE_HOME", join(directory, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

function tar(archive: string, ...args: string[]): string {
  return execFileSync("tar", ["--file", archive, ...args], { encoding: "utf8" });
}

describe("buildImage", () => {
  function sources(): string {
    const app = join(directory, "app");
    mkdirSync(join(app, "sub"), { recursive: true });
    writeFileSync(join(app, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(app, "run.sh"), 0o700);
    writeFileSync(join(app, "sub", "data"), "42");
    symlinkSync("sub/data", join(app, "link"));
    return app;
  }

  const build = (app: string) =>
    buildImage({
      name: "fairlead.local/unit",
      files: [{ from: app, to: "/opt/app" }],
      text: { "/etc/passwd": "root:x:0:0::/:/bin/sh\n" },
      entrypoint: ["/opt/app/run.sh"],
      env: { COLOUR: "blue" },
      user: "1000",
    });

  it("writes an archive as docker load and ctr import take it", async () => {
    const { tar: archive, reference } = await build(sources());
    expect(reference).toMatch(/^fairlead\.local\/unit:[0-9a-f]{16}$/);
    const [manifest] = JSON.parse(tar(archive, "-xO", "manifest.json"));
    expect(manifest).toMatchObject({ RepoTags: [reference], Layers: ["layer.tar"] });
    const config = JSON.parse(tar(archive, "-xO", manifest.Config));
    expect(config.config).toMatchObject({ Entrypoint: ["/opt/app/run.sh"], User: "1000", WorkingDir: "/" });
    expect(config.config.Env).toContain("COLOUR=blue");
    tar(archive, "--directory", directory, "-x", "layer.tar");
    const listing = tar(join(directory, "layer.tar"), "-tv", "--numeric-owner", "--utc");
    expect(listing.replace(/ +/g, " ").trimEnd().split("\n")).toEqual([
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/",
      "-rw-r--r-- 0/0 22 1970-01-01 00:00 etc/passwd",
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 opt/",
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 opt/app/",
      "lrwxrwxrwx 0/0 0 1970-01-01 00:00 opt/app/link -> sub/data",
      "-rwxr-xr-x 0/0 10 1970-01-01 00:00 opt/app/run.sh",
      "drwxr-xr-x 0/0 0 1970-01-01 00:00 opt/app/sub/",
      "-rw-r--r-- 0/0 2 1970-01-01 00:00 opt/app/sub/data",
      "drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/",
    ]);
  });

  it("gives the same bytes for the same content, and another reference for other content", async () => {
    const app = sources();
    const first = await build(app);
    const bytes = readFileSync(first.tar);
    vi.stubEnv("XDG_CACHE_HOME", join(directory, "another-cache"));
    const second = await build(app);
    expect(second.reference).toBe(first.reference);
    expect(readFileSync(second.tar).equals(bytes)).toBe(true);
    writeFileSync(join(app, "sub", "data"), "43");
    expect((await build(app)).reference).not.toBe(first.reference);
  });
});

describe("tarArchive", () => {
  it("carries names that are too long for a plain header", async () => {
    const path = `${"long/".repeat(30)}ünïcode`;
    const archive = join(directory, "long.tar");
    const chunks: Buffer[] = [];
    for await (const chunk of tarArchive([{ kind: "text", path, mode: 0o644, text: "x" }])) chunks.push(chunk);
    writeFileSync(archive, Buffer.concat(chunks));
    expect(tar(archive, "-t", "--quoting-style=literal").trim()).toBe(path);
  });
});
