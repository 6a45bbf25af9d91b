import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, type Programs, Sandbox } from "../../../src/adapters/render/sandbox.ts";
import { Slots } from "../../../src/adapters/render/slots.ts";
import { goProgram } from "../../cluster/binaries.ts";
import { ROOT } from "../../harness/operatorImage.ts";
import { renderers } from "../../harness/renderers.ts";

/** In place of kustomize: a program that tries what it is told to. */
let programs: Programs;
let dir: string;
const outside = join(tmpdir(), `fairlead-outside-${process.pid}`);
const limits = { memoryBytes: 128 * 1024 * 1024, outputBytes: 3 * 1024 * 1024 };
const { signal } = new AbortController();

beforeAll(async () => {
  const module = join(ROOT, "renderers/sandbox");
  programs = { ...(await renderers(console.log)), kustomize: await goProgram(module, "./probe", console.log) };
  dir = await mkdtemp(join(tmpdir(), "fairlead-sandbox-"));
  await writeFile(join(dir, "inside"), "x");
  await writeFile(outside, "secret");
});

afterAll(async () => {
  await rm(dir, { recursive: true });
  await rm(outside);
});

function probe(args: readonly string[], timeoutMs = 20_000, until = signal): Promise<Ended> {
  return new Sandbox(programs, limits, new Slots(1)).run({ program: "kustomize", args, dir, timeoutMs }, until);
}

async function said(...args: readonly string[]): Promise<string> {
  const ended = await probe(args);
  return ended.kind === "Done" ? Buffer.from(ended.output).toString().trim() : `${ended.reason}: ${ended.message}`;
}

describe("a program in the sandbox", () => {
  it("A08: reaches no listener, not even on loopback, and no resolver", async () => {
    let calls = 0;
    const listener = createServer((socket) => {
      calls += 1;
      socket.end();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await said("connect", `127.0.0.1:${port}`)).toContain("refused: dial tcp");
    expect(await said("resolve", "example.com")).toContain("refused: ");
    expect(calls).toBe(0);
    await new Promise((resolve) => listener.close(resolve));
  });

  it("A07: reads its directory and nothing else, and writes nowhere", async () => {
    expect(await said("read", join(dir, "inside"))).toBe("done");
    expect(await said("read", outside)).toContain("permission denied");
    expect(await said("read", "/proc/self/environ")).toContain("permission denied");
    expect(await said("write", join(dir, "new"))).toContain("refused: ");
    expect(await said("write", join(tmpdir(), "fairlead-new"))).toContain("refused: ");
  });

  it("starts no other program, becomes none, and signals nobody", async () => {
    expect(await said("start", "/bin/true")).toContain("refused: ");
    expect(await said("become", "/bin/true")).toContain("refused: ");
    expect(await said("kill", "")).toContain("operation not permitted");
  });

  it("A16: sees nothing of the operator's environment", async () => {
    process.env["FAIRLEAD_CANARY"] = "canary";
    expect(await said("environment", "")).toBe(`[HOME=${dir} GOMEMLIMIT=96MiB GOMAXPROCS=2]`);
    delete process.env["FAIRLEAD_CANARY"];
  });

  it("A11: is ended when it takes too much memory, output or time", async () => {
    expect(await said("allocate", "16")).toBe("allocated 16777216");
    expect(await said("allocate", "512")).toMatch(/^TooLarge: it needs more than 128 MiB of memory/);
    expect(await said("print", "64")).toMatch(/^TooLarge: it renders more than 3145728 bytes/);
    const late = await probe(["sleep", ""], 300);
    expect(late).toMatchObject({
      reason: "RenderFailed",
      message: expect.stringContaining("did not end within 300 ms"),
    });
    const busy = await probe(["spin", ""], 1_000);
    expect(busy).toMatchObject({ reason: "RenderFailed" });
  });

  it("is ended when nobody waits for it any more, and the next one has its turn", async () => {
    const slots = new Slots(1);
    const sandbox = new Sandbox(programs, limits, slots);
    const leaver = new AbortController();
    const run = { program: "kustomize", dir, timeoutMs: 20_000 } as const;
    const left = sandbox.run({ ...run, args: ["sleep", ""] }, leaver.signal);
    const next = sandbox.run({ ...run, args: ["read", join(dir, "inside")] }, signal);
    leaver.abort(new Error("deleted"));
    await expect(left).rejects.toThrow("deleted");
    expect(await next).toMatchObject({ kind: "Done" });
  });

  it("its own complaint is what is told", async () => {
    expect(await said("fail", "Error: no such thing")).toBe("RenderFailed: Error: no such thing");
  });
});

describe("a program that is not there", () => {
  it.each([
    ["kustomize", undefined, "this operator has no kustomize: put it on the PATH, or give its path by --kustomize"],
    ["sandbox", undefined, "this operator has no fairlead-sandbox"],
    ["kustomize", "/nowhere/kustomize", "/nowhere/kustomize: no such file"],
    ["sandbox", "/nowhere/sandbox", "the sandbox does not start"],
  ])("%s at %s", async (name, path, message) => {
    const sandbox = new Sandbox({ ...programs, [name]: path }, limits, new Slots(1));
    const ended = await sandbox.run({ program: "kustomize", args: [], dir, timeoutMs: 5_000 }, signal);
    expect(ended).toMatchObject({ reason: "RendererMissing", message: expect.stringContaining(message) });
  });
});
