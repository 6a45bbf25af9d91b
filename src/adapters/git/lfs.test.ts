import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { GitFile, GitSource } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { selfSigned } from "../../testing/selfSigned.ts";
import type { HostPolicy } from "./hosts.ts";
import { pointerIn } from "./lfs.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();
const certificate = selfSigned("objects");
const content = "kind: ConfigMap\n";

const oidOf = (value: string) => createHash("sha256").update(value).digest("hex");
const pointer = (value: string, size = value.length, oid = oidOf(value)) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;

/** Another host, where objects are kept. */
let storage: Server;
let storageUrl: string;
let asked: { readonly path: string; readonly authorization: string | undefined }[];
let served: string;

beforeAll(async () => {
  storage = createServer(certificate, (request, response) => {
    asked.push({ path: request.url ?? "", authorization: request.headers.authorization });
    response.end(served);
  }).listen(0, "127.0.0.1");
  await once(storage, "listening");
  storageUrl = `https://127.0.0.1:${(storage.address() as AddressInfo).port}`;
});
afterAll(() => storage.close());
beforeEach(() => {
  asked = [];
  served = content;
});

interface Batch {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly href?: string;
  readonly actions?: object;
}

/** Commits a pointer; the server answers to LFS as told, and lets git through. */
async function prepare(batch: Batch, files: Readonly<Record<string, string>> = { "d/a.yaml": pointer(content) }) {
  remote.server.answer = undefined;
  const sha = remote.repository.commit(files);
  const { caCert = "" } = remote.source().credentials;
  const credentials = { caCert: `${caCert}${certificate.cert}`, bearerToken: "tok" };
  const source: GitSource = { ...remote.source({ branch: "main" }, credentials), lfs: true };
  const store = (hosts: HostPolicy = { hosts: ["localhost", "127.0.0.1"], addresses: "any" }) =>
    remote.store({ hosts });
  await store().resolve(source, never);
  const questions: { readonly path: string; readonly authorization: string | undefined; readonly body: unknown }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    if (!path.endsWith("/info/lfs/objects/batch")) {
      questions.push({ path, authorization, body: undefined });
      response.end(served);
      return;
    }
    const body = JSON.parse(await text(request)) as { objects: { oid: string; size: number }[] };
    questions.push({ path, authorization, body });
    const objects = body.objects.map((object) => ({
      ...object,
      actions: batch.actions ?? {
        download: { href: batch.href ?? `${storageUrl}/o/${object.oid}`, header: { Authorization: "once" } },
      },
    }));
    response.writeHead(batch.status ?? 200, batch.headers).end(JSON.stringify({ transfer: "basic", objects }));
  };
  remote.server.answer = (request, response) => void answer(request, response);
  return { sha, source, store, questions };
}

const textOf = (files: readonly GitFile[]) => files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]);

describe("files in LFS", () => {
  test("E43: a pointer is refused by its name unless spec.lfs is set, also when it is broken", async () => {
    for (const [text, words] of [
      [pointer(content), "spec.lfs"],
      ["version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "broken"],
    ] as const) {
      const { sha, source, store } = await prepare({}, { "d/a.yaml": text, "logo.png": pointer("png") });
      const { lfs: _, ...plain } = source;
      await expect(store().read(plain, sha, ["d"], yaml, never)).rejects.toMatchObject({
        reason: "LfsPointerRefused",
        message: expect.stringMatching(new RegExp(`^d/a\\.yaml is a .*${words}`)),
      });
    }
  });

  test("E43: what stands behind a pointer is fetched and verified; only wanted files are", async () => {
    const files = {
      "d/a.yaml": pointer(content),
      "d/b.yaml": "b: 1\n",
      "d/c.png": pointer("png"),
      "d/e.yaml": pointer(content),
    };
    const { sha, source, store, questions } = await prepare({}, files);
    expect(textOf(await store().read(source, sha, ["d"], yaml, never))).toEqual([
      ["d/a.yaml", content],
      ["d/b.yaml", "b: 1\n"],
      ["d/e.yaml", content],
    ]);
    expect(questions).toMatchObject([
      {
        path: expect.stringMatching(/\.git\/info\/lfs\/objects\/batch$/),
        authorization: "Bearer tok",
        body: { operation: "download", transfers: ["basic"], objects: [{ oid: oidOf(content), size: content.length }] },
      },
    ]);
    // The other host gets what the LFS server gave for it, never the credential.
    expect(asked).toEqual([{ path: `/o/${oidOf(content)}`, authorization: "once" }]);
  });

  test.each<[string, Batch, string, string, string]>([
    ["other content", {}, "kind: Malicious", "LfsFailed", "other content"],
    ["less content", {}, "kind", "LfsFailed", "other content"],
    ["more content than was said", {}, "x".repeat(10_000), "TooLarge", "larger than 16"],
    ["no object", { actions: {} }, content, "LfsFailed", "has no object"],
    ["plain http", { href: "http://127.0.0.1/o" }, content, "LfsFailed", "not https"],
    ["a file", { href: "file:///etc/passwd" }, content, "LfsFailed", "not https"],
    ["credentials in an address", { href: "https://a:b@127.0.0.1/o" }, content, "LfsFailed", "has no object"],
    ["a host that nobody named", { href: "https://git.internal/o" }, content, "HostRefused", "git.internal"],
    ["401", { status: 401 }, content, "AuthFailed", "check the Secret"],
    ["404", { status: 404 }, content, "RepositoryNotFound", "LFS server"],
    ["429", { status: 429, headers: { "retry-after": "9" } }, content, "RateLimited", "rate"],
    ["a redirect", { status: 302, headers: { location: "https://127.0.0.1/" } }, content, "InvalidURL", "redirects"],
  ])("E43: %s is told, and nothing of it is taken", async (_name, batch, body, reason, words) => {
    served = body;
    const { sha, source, store } = await prepare(batch);
    await expect(store().read(source, sha, ["d"], yaml, never)).rejects.toMatchObject({
      reason,
      message: expect.stringContaining(words),
    });
  });

  test("A08: without a list of hosts, a server can send nobody to an address that is not public", async () => {
    const { sha, source, store } = await prepare({});
    await expect(store({ addresses: "any" }).read(source, sha, ["d"], yaml, never)).rejects.toMatchObject({
      reason: "HostRefused",
    });
    expect(asked).toEqual([]);
  });

  test("A08: what .lfsconfig says is not read", async () => {
    const lfsconfig = `[lfs]\n\turl = ${storageUrl}/evil\n`;
    const { sha, source, store, questions } = await prepare(
      {},
      { "d/a.yaml": pointer(content), ".lfsconfig": lfsconfig },
    );
    await store().read(source, sha, ["d"], yaml, never);
    expect(asked.map(({ path }) => path)).toEqual([`/o/${oidOf(content)}`]);
    expect(questions).toHaveLength(1);
  });

  test("E43: sizes are held to the limits before anything is asked for, and ssh is told to be no way", async () => {
    const { sha, source, store, questions } = await prepare({}, { "d/a.yaml": pointer(content, 5 * 1024 * 1024) });
    await expect(store().read(source, sha, ["d"], yaml, never)).rejects.toMatchObject({ reason: "TooLarge" });
    expect(questions).toEqual([]);
  });
});

test.each([
  ["content", "kind: ConfigMap\n", undefined],
  ["content that speaks of LFS", `# ${pointer("x")}`, undefined],
  ["a pointer with CRLF", pointer("x").replaceAll("\n", "\r\n"), { oid: oidOf("x"), size: 1 }],
])("E43: %s", (_name, given, expected) => {
  expect(pointerIn("a.yaml", Buffer.from(given))).toEqual(expected);
});
