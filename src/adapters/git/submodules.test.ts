import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GitFile, GitSource } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { createRepository, type TreeEntry } from "../../testing/gitRepository.ts";
import type { Local } from "./commit.ts";
import { type HostPolicy, Hosts } from "./hosts.ts";
import { GitObjects } from "./objects.ts";
import { gitEnvironment } from "./settings.ts";
import { sourceOfSubmodule } from "./submodules.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();
let made = 0;

interface Built {
  readonly source: GitSource;
  readonly sha: string;
}

/** A repository whose `.gitmodules` says what is given; the submodule's own repository is the answer's. */
function build(gitmodules: (name: string) => string, files: Readonly<Record<string, TreeEntry>> = {}): Built {
  made += 1;
  const name = `sub${made}.git`;
  const inner = createRepository(remote.root, name);
  const at = inner.commit({ "app/b.yaml": "b: 1\n", "README.md": "x", ...files });
  const sha = remote.repository.commit({
    "deploy/a.yaml": "a: 1\n",
    ".gitmodules": gitmodules(name),
    "deploy/inner": { submodule: at },
  });
  return { source: { ...remote.source(), submodules: true }, sha };
}

const section = (url: string, path = "deploy/inner", name = "inner") =>
  `[submodule "${name}"]\n\tpath = ${path}\n\turl = ${url}\n`;

async function read({ source, sha }: Built, path = "deploy", hosts?: HostPolicy): Promise<readonly GitFile[]> {
  const store = remote.store(hosts === undefined ? {} : { hosts });
  return store.read(source, sha, [path], yaml, never);
}

const names = (files: readonly GitFile[]) => files.map(({ path }) => path);

describe("submodules", () => {
  test("are refused below the path unless they are wanted, and do not matter elsewhere", async () => {
    const built = build((name) => section(`../${name}`));
    const plain = { ...built, source: remote.source() };
    await expect(read(plain)).rejects.toMatchObject({
      reason: "SubmoduleRefused",
      message: expect.stringMatching(/^deploy\/inner is a submodule .*spec\.submodules/),
    });
    await expect(read(plain, "deploy/inner")).rejects.toMatchObject({ reason: "SubmoduleRefused" });
    expect(names(await read(plain, "deploy/a.yaml"))).toEqual(["deploy/a.yaml"]);
  });

  test("are read as if they stood in the repository, with its credentials, also from inside", async () => {
    remote.server.authorization = "Bearer tok";
    const built = build((name) => section(`../${name}`));
    const { caCert = "" } = built.source.credentials;
    const source = { ...built.source, credentials: { caCert, bearerToken: "tok" } };
    expect(names(await read({ ...built, source }))).toEqual(["deploy/a.yaml", "deploy/inner/app/b.yaml"]);
    expect(names(await read({ ...built, source }, "deploy/inner/app"))).toEqual(["deploy/inner/app/b.yaml"]);
    const seen = await remote
      .store()
      .look(source, built.sha, ["deploy/inner", "deploy/inner/app", "deploy/inner/no"], never);
    expect([...seen].map(([path, { kind }]) => [path, kind])).toEqual([
      ["deploy/inner", "Directory"],
      ["deploy/inner/app", "Directory"],
    ]);
  });

  test("A09: end at a depth, also where they lead in a circle", async () => {
    const name = `circle${made}.git`;
    const circle = createRepository(remote.root, name);
    let sha = "1".repeat(40);
    for (let n = 0; n < 6; n += 1)
      sha = circle.commit({ "a.yaml": `${n}`, s: { submodule: sha }, ".gitmodules": section(`./../${name}`, "s") });
    const url = remote.source().url.replace(/r\d+\.git$/, name);
    const failed = read({ source: { ...remote.source(), url, submodules: true }, sha }, "");
    await expect(failed).rejects.toMatchObject({
      reason: "SubmoduleRefused",
      message: expect.stringMatching(/^s\/s\/s\/s\/s is a submodule that lies deeper than 4/),
    });
  });

  test.each<[string, (name: string) => string, string]>([
    ["an option as url", () => section("-u./payload"), "gitmodulesUrl"],
    ["a name that is a path", (name) => section(`../${name}`, "deploy/inner", "../../hooks"), "gitmodulesName"],
  ])("A09: %s is refused on arrival", async (_name, gitmodules, words) => {
    await expect(read(build(gitmodules))).rejects.toMatchObject({
      reason: "SubmoduleRefused",
      message: expect.stringContaining(words),
    });
  });

  test("A09: another host that the administrator names is asked, without the credentials", async () => {
    const url = new URL(remote.server.url);
    const built = build((name) => section(`https://127.0.0.1:${url.port}/${name}`));
    const { caCert = "" } = built.source.credentials;
    const source = { ...built.source, credentials: { caCert, bearerToken: "c4nary" } };
    const store = remote.store({ hosts: { hosts: ["localhost", "127.0.0.1"], addresses: "any" } });
    remote.server.authorization = "Bearer c4nary";
    await store.resolve(source, never);
    const seen: (string | undefined)[] = [];
    remote.server.answer = (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end();
    };
    await expect(store.read(source, built.sha, ["deploy"], yaml, never)).rejects.toMatchObject({
      reason: "AuthFailed",
    });
    expect(seen).toEqual([undefined]);
  });
});

describe("what .gitmodules says", () => {
  const policy = { hosts: new Hosts({ addresses: "any" }), protocols: ["https", "ssh"] };
  let local: Local;
  beforeEach(() => {
    const env = gitEnvironment(remote.repository.dir, remote.tempRoot, ["https"], {});
    local = { env, timeoutMs: 5_000, signal: never, objects: new GitObjects(env) };
  });
  afterEach(() => local.objects.close());

  const sourceIn = async (gitmodules: TreeEntry, url = "https://git.example.com/acme/shop.git") => {
    const sha = remote.repository.commit({ ".gitmodules": gitmodules });
    const source = { url, ref: {}, timeoutMs: 1, credentials: { bearerToken: "tok", caCert: "ca" } };
    const submodule = { path: "deploy/inner", sha: "1".repeat(40) };
    return sourceOfSubmodule(local, source, { sha, submodule, shown: "deploy/inner" }, policy);
  };

  test.each<[string, TreeEntry, string, string]>([
    ["no url", `[submodule "inner"]\n\tpath = deploy/inner\n`, "SubmoduleRefused", "no url"],
    ["a line break in the path", section("../x.git", '"deploy/inner\\n"'), "SubmoduleRefused", "no url"],
    ["an option as url", section("-u./payload"), "SubmoduleRefused", "no address"],
    ["a program as url", section("ext::sh -c touch% /tmp/c4nary"), "SubmoduleRefused", "printable"],
    ["a file as url", section("file:///etc"), "SubmoduleRefused", "protocol file"],
    ["plain http", section("http://git.example.com/x.git"), "SubmoduleRefused", "protocol http"],
    ["a url out of the host", section("../../../../x.git"), "SubmoduleRefused", "steps out"],
    ["another host", section("https://git.internal/x.git"), "HostRefused", "git.internal"],
    ["an address of the link", section("https://169.254.169.254/x.git"), "HostRefused", "169.254.169.254"],
    ["what is no config", "[submodule", "SubmoduleRefused", "cannot be read"],
    ["another file", "[include]\n\tpath = /etc/passwd\n", "SubmoduleRefused", "no url"],
    ["a link", { link: "/etc/passwd" }, "SymlinkRefused", ".gitmodules"],
  ])("A09: %s is refused", async (_name, gitmodules, reason, words) => {
    await expect(sourceIn(gitmodules)).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  test.each([
    ["../lib.git", "https://git.example.com/acme/lib.git", "tok"],
    ["../../other/lib", "https://git.example.com/other/lib", "tok"],
    ["./lib.git", "https://git.example.com/acme/shop.git/lib.git", "tok"],
    ["https://git.example.com/lib.git", "https://git.example.com/lib.git", "tok"],
    ["https://git.example.com:8443/lib.git", "https://git.example.com:8443/lib.git", undefined],
    ["ssh://git@git.example.com/lib.git", "ssh://git@git.example.com/lib.git", undefined],
  ])("A09: %s is %s, and gets the credentials only where they belong", async (given, url, bearerToken) => {
    const found = await sourceIn(section(given));
    expect([found.url, found.credentials.bearerToken, found.credentials.caCert]).toEqual([url, bearerToken, "ca"]);
    expect(found.ref).toEqual({ commit: "1".repeat(40) });
  });
});
