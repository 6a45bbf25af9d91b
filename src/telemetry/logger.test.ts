import { describe, expect, it } from "vitest";
import { createLogger, isLogLevel, type LogLevel } from "./logger.ts";

function rig(level: LogLevel = "debug") {
  const lines: string[] = [];
  const log = createLogger({ level, to: { write: (line: string) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "null") as Record<string, unknown> };
}

describe("createLogger", () => {
  it("writes one line of JSON with level, time, fields and message", () => {
    const { log, lines, last } = rig();
    log.child({ controller: "sync" }).info({ object: "shop/web" }, "applied");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith("}\n")).toBe(true);
    expect(last()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      controller: "sync",
      object: "shop/web",
      msg: "applied",
    });
  });

  it("keeps silent below its level, in children too", () => {
    const { log, lines } = rig("warn");
    log.info({}, "no");
    log.child({}).debug({}, "no");
    log.warn({}, "yes");
    expect(lines).toHaveLength(1);
  });

  it("keeps a line one line, whatever a commit message holds", () => {
    const { log, lines } = rig();
    log.info({ subject: 'x"}\n{"level":"fatal"}\u001b[31m' }, "a\nb");
    expect(lines[0]?.trimEnd()).toMatch(/^[ -~]+$/);
  });

  it.each([
    ["a key", { password: "hunter2" }],
    ["a deep key", { a: { b: [{ c: { bearerToken: "hunter2" } }] } }],
    ["a Secret", { object: { kind: "Secret", data: { any: "hunter2" }, stringData: { any: "hunter2" } } }],
    [
      "headers",
      { headers: { Authorization: "hunter2", "X-Gitlab-Token": "hunter2", "x-hub-signature-256": "hunter2" } },
    ],
    ["a map", { credentials: new Map([["token", "hunter2"]]), more: new Map([["tls.key", "hunter2"]]) }],
    ["bytes", { body: Buffer.from("hunter2") }],
    ["a URL", { url: "https://me:hunter2@git.example.com/a.git" }],
    ["a URL with @ in its password", { url: "https://me:x@hunter2@git.example.com/a.git" }],
    ["an error's message", { error: new Error("fatal: unable to access https://hunter2@git.example.com/") }],
    [
      "an error's members",
      { error: Object.assign(new Error("no"), { body: "hunter2", response: { body: "hunter2" } }) },
    ],
    ["an error's cause", { error: new Error("no", { cause: new Error("Authorization: Basic hunter2") }) }],
    ["a private key", { text: "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----" }],
    ["a token of known shape", { text: "used ghp_hunter2hunter2hunter2hunter2" }],
    ["a bearer token", { text: "Bearer hunter2hunter2hunter2hunter2" }],
    ["what makes its own JSON", { value: { toJSON: () => ({ token: "hunter2" }) } }],
  ])("takes secrets out of %s", (_, fields) => {
    const { log, lines } = rig();
    log.error(fields, "failed");
    log.child(fields).error({}, "failed");
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).not.toContain("hunter2");
      expect(JSON.parse(line)).toMatchObject({ level: "error", msg: "failed" });
    }
  });

  it("takes secrets out of the message", () => {
    const { log, last } = rig();
    log.info({}, "cloning https://me:hunter2@git.example.com/a.git failed");
    expect(last()["msg"]).toBe("cloning https://***@git.example.com/a.git failed");
  });

  it("leaves names, addresses and counts alone", () => {
    const { log, last } = rig();
    const fields = { secretName: "git", url: "https://git.example.com/a", tokens: 3, identity: "apps/Deployment/a/b" };
    log.info({ ...fields, password: undefined }, "Basic checks passed, Bearer of news");
    expect(last()).toMatchObject({ ...fields, msg: "Basic checks passed, Bearer of news" });
  });

  it("tells an error with its reason and its stack", () => {
    const { log, last } = rig();
    log.error({ error: Object.assign(new TypeError("no"), { reason: "Timeout", code: 7 }) }, "failed");
    expect(last()["error"]).toMatchObject({ type: "TypeError", message: "no", reason: "Timeout", code: 7 });
    expect(last()).toHaveProperty("error.stack", expect.stringContaining("logger.test.ts"));
  });

  it("survives cycles, depth and width", () => {
    const cycle: Record<string, unknown> = { wide: Array.from({ length: 100_000 }, (_, i) => i) };
    cycle["self"] = cycle;
    const { log, lines } = rig();
    log.info({ cycle, fn: () => 1, big: 1n }, "still here");
    expect(lines[0]?.length).toBeLessThan(20_000);
  });

  it("writes the line even when its fields cannot be read", () => {
    const { log, last } = rig();
    const toJSON = () => {
      throw new Error("no");
    };
    log.info({ value: { toJSON }, more: JSON.parse('{"__proto__":{"a":1}}') }, "still here");
    expect(last()).toMatchObject({ msg: "still here", unreadable: ["value", "more"] });
  });

  it("reads a long hostile text in no time", () => {
    const { log } = rig();
    const started = performance.now();
    for (const piece of ["://", "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaaa.", "authorization: ", "bearer ", "ghp_"]) {
      log.info({ text: piece.repeat(100_000 / piece.length) }, "long");
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("isLogLevel", () => {
  it.each([
    ["debug", true],
    ["trace", false],
    ["", false],
  ])("%s: %s", (text, is) => {
    expect(isLogLevel(text)).toBe(is);
  });
});
