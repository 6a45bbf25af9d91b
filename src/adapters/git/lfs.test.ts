import { createHash } from "node:crypto";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { GitFile, GitSource } from "../../ports/git.ts";
import { selfSigned } from "../../testing/selfSigned.ts";
import { InstallationTokens } from "./appTokens.ts";
import { type HostPolicy, Hosts } from "./hosts.ts";
import { pointerIn, withContent } from "./lfs.ts";

const never = new AbortController().signal;
const certificate = selfSigned("objects");
const content = "kind: ConfigMap\n";

const oidOf = (value: string) => createHash("sha256").update(value).digest("hex");
const pointer = (value: string, size = value.length, oid = oidOf(value)) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;

interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** How the LFS server answers to a question for objects. */
interface Batch {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly href?: string;
  readonly actions?: object;
}

/** The Git host, and another host where objects are kept; by their names they are two. */
const open: Server[] = [];
let gitHost: string;
let storage: string;
let asked: Seen[];
let loaded: Seen[];
let batch: Batch;
let served: string;

async function listen(seen: () => Seen[], answer: (body: string, response: Parameters<RequestListener>[1]) => void) {
  const server = createServer(certificate, (request, response) => {
    void text(request).then((body) => {
      seen().push({ path: request.url ?? "", authorization: request.headers.authorization, body });
      answer(body, response);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(server);
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const keep = await listen(
    () => loaded,
    (_body, response) => void response.end(served),
  );
  storage = `https://127.0.0.1:${keep}`;
  const port = await listen(
    () => asked,
    (body, response) => {
      const { objects } = JSON.parse(body) as { objects: { oid: string }[] };
      const header = { Authorization: "once" };
      const answers = objects.map((object) => ({
        ...object,
        actions: batch.actions ?? { download: { href: batch.href ?? `${storage}/o/${object.oid}`, header } },
      }));
      response.writeHead(batch.status ?? 200, batch.headers).end(JSON.stringify({ objects: answers }));
    },
  );
  gitHost = `https://127.0.0.1:${port}`;
});
afterAll(() => {
  for (const server of open) server.close();
});
beforeEach(() => {
  asked = [];
  loaded = [];
  batch = {};
  served = content;
});

/** Puts content in the place of pointers, as a store does with the files that it has read. */
function fetched(
  files: Readonly<Record<string, string>>,
  change: Partial<GitSource> = {},
  policy: HostPolicy = { addresses: "any" },
): Promise<readonly GitFile[]> {
  const hosts = new Hosts(policy);
  const limits = { files: 100, fileBytes: 1024, totalBytes: 2048 };
  const parts = { hosts, tokens: new InstallationTokens({ hosts, environment: {} }), environment: {}, limits };
  const credentials = { caCert: certificate.cert, bearerToken: "tok" };
  const source = { url: `${gitHost}/acme/shop.git`, ref: {}, credentials, timeoutMs: 10_000, lfs: true, ...change };
  const read = Object.entries(files).map(([path, value]) => ({ path, blob: oidOf(value), bytes: Buffer.from(value) }));
  return withContent(read, source, parts, never);
}

const one = { "d/a.yaml": pointer(content) };

const textOf = (files: readonly GitFile[]) => files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]);

describe("files in LFS", () => {
  test.each([
    [pointer(content), "spec.lfs"],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "broken"],
  ])("E43: %j is refused by its name unless spec.lfs is set", async (given, words) => {
    await expect(fetched({ "b.yaml": "b", "d/a.yaml": given }, { lfs: false })).rejects.toMatchObject({
      reason: "LfsPointerRefused",
      message: expect.stringMatching(new RegExp(`^d/a\\.yaml is a .*${words}`)),
    });
    expect(asked).toEqual([]);
  });

  test("E43: what stands behind pointers is fetched once and verified", async () => {
    const files = { "d/a.yaml": pointer(content), "d/b.yaml": "b: 1\n", "d/e.yaml": pointer(content) };
    expect(textOf(await fetched(files))).toEqual([
      ["d/a.yaml", content],
      ["d/b.yaml", "b: 1\n"],
      ["d/e.yaml", content],
    ]);
    expect(asked).toMatchObject([{ path: "/acme/shop.git/info/lfs/objects/batch", authorization: "Bearer tok" }]);
    expect(JSON.parse(asked[0]?.body ?? "")).toMatchObject({
      operation: "download",
      transfers: ["basic"],
      objects: [{ oid: oidOf(content), size: content.length }],
    });
    // The other place gets what the LFS server gave for it, never the credential.
    expect(loaded).toMatchObject([{ path: `/o/${oidOf(content)}`, authorization: "once" }]);
  });

  test("A08: without a header for it, another place gets no credential", async () => {
    batch = { actions: { download: { href: `${storage}/o` } } };
    await fetched(one);
    expect(loaded).toMatchObject([{ authorization: undefined }]);
  });

  test.each<[string, Batch, string, string, string]>([
    ["other content", {}, "kind: Malicious", "LfsFailed", "other content"],
    ["less content", {}, "kind", "LfsFailed", "other content"],
    ["more content than was said", {}, "x".repeat(10_000), "TooLarge", "larger than 16"],
    ["no object", { actions: {} }, content, "LfsFailed", "has no object"],
    ["plain http", { href: "http://127.0.0.1/o" }, content, "LfsFailed", "not https"],
    ["a file", { href: "file:///etc/passwd" }, content, "LfsFailed", "not https"],
    ["credentials in an address", { href: "https://a:b@127.0.0.1/o" }, content, "LfsFailed", "has no object"],
    ["an address of the link", { href: "https://169.254.169.254/o" }, content, "HostRefused", "169.254.169.254"],
    ["a private address", { href: "https://10.0.0.1/o" }, content, "HostRefused", "10.0.0.1"],
    ["401", { status: 401 }, content, "AuthFailed", "check the Secret"],
    ["404", { status: 404 }, content, "RepositoryNotFound", "LFS server"],
    ["429", { status: 429, headers: { "retry-after": "9" } }, content, "RateLimited", "rate"],
    ["a redirect", { status: 302, headers: { location: "https://127.0.0.1/" } }, content, "InvalidURL", "redirects"],
  ])("E43: %s is told, and nothing of it is taken", async (_name, answer, body, reason, words) => {
    batch = answer;
    served = body;
    await expect(fetched(one)).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  test("A08: where hosts are named, nobody is sent to another", async () => {
    batch = { href: "https://git.internal/o" };
    await expect(fetched(one, {}, { hosts: ["127.0.0.1"], addresses: "any" })).rejects.toMatchObject({
      reason: "HostRefused",
      message: expect.stringContaining("git.internal"),
    });
  });

  test("E43: sizes are held to the limits before anything is asked for, and ssh is told to be no way", async () => {
    await expect(fetched({ "a.yaml": pointer(content, 5000) })).rejects.toMatchObject({ reason: "TooLarge" });
    const many = Object.fromEntries([1, 2, 3].map((n) => [`${n}.yaml`, pointer(`${n}`, 1000)]));
    await expect(fetched(many)).rejects.toMatchObject({ reason: "TooLarge" });
    await expect(fetched(one, { url: "ssh://git@127.0.0.1/x.git" })).rejects.toMatchObject({
      reason: "LfsPointerRefused",
      message: expect.stringContaining("https only"),
    });
    expect(asked).toEqual([]);
  });
});

test.each([
  ["content", "kind: ConfigMap\n", undefined],
  ["content that speaks of LFS", `# ${pointer("x")}`, undefined],
  ["a pointer with CRLF", pointer("x").replaceAll("\n", "\r\n"), { oid: oidOf("x"), size: 1 }],
])("E43: %s", (_name, given, expected) => {
  expect(pointerIn("a.yaml", Buffer.from(given))).toEqual(expected);
});
