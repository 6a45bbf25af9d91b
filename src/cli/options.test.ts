import { describe, expect, it } from "vitest";
import { command, type RunOptions } from "./options.ts";

async function parse(...args: readonly string[]): Promise<RunOptions> {
  let parsed: RunOptions | undefined;
  const program = command("0", async (options) => {
    parsed = options;
  });
  for (const one of [program, ...program.commands]) one.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(args, { from: "user" });
  if (parsed === undefined) throw new Error("nothing was run");
  return parsed;
}

describe("fairlead run", () => {
  it("has defaults for a pod", async () => {
    expect(await parse("run")).toEqual({
      store: "/var/lib/fairlead",
      listen: { host: "::", port: 8080 },
      leaseDuration: 15,
      logLevel: "info",
      requireServiceAccount: false,
      copySecrets: false,
      crossNamespaceRefs: false,
      gitAddresses: "private",
    });
  });

  it("takes what is said", async () => {
    expect(await parse("run", "--lease-duration", "5", "--listen", "[::1]:0", "--log-level", "debug")).toMatchObject({
      leaseDuration: 5,
      listen: { host: "::1", port: 0 },
      logLevel: "debug",
    });
  });

  it("A08: takes the Git hosts that may be asked", async () => {
    expect(await parse("run", "--git-hosts", "Git.example.com, *.corp.example,10.0.0.7")).toMatchObject({
      gitHosts: ["git.example.com", "*.corp.example", "10.0.0.7"],
    });
    expect(await parse("run", "--git-addresses=public")).toMatchObject({ gitAddresses: "public" });
    await expect(parse("run", "--git-addresses=all")).rejects.toThrow("public, private, any");
  });

  it("A21: takes the hosts that may be asked for metrics", async () => {
    expect(await parse("run", "--metrics-hosts", "prometheus.monitoring,*.corp.example")).toMatchObject({
      metricsHosts: ["prometheus.monitoring", "*.corp.example"],
    });
    await expect(parse("run", "--metrics-hosts=http://prometheus")).rejects.toThrow("is no host");
  });

  it("A21: takes the hosts that webhooks may be on", async () => {
    expect(await parse("run", "--webhook-hosts", "hooks.example.com")).toMatchObject({
      webhookHosts: ["hooks.example.com"],
    });
    await expect(parse("run", "--webhook-hosts=https://hooks")).rejects.toThrow("is no host");
  });

  it.each(["", "*", "*.", "https://git.example.com", "git.example.com:443", "a,,b", "*.*.example.com", "-x"])(
    "refuses %j as a Git host",
    async (text) => {
      await expect(parse("run", `--git-hosts=${text}`)).rejects.toThrow("is no host");
    },
  );

  it.each(["", "2", "301", "-5", "1.5", "15s", "1e2"])("refuses a lease of %j", async (text) => {
    await expect(parse("run", `--lease-duration=${text}`)).rejects.toThrow("give whole seconds from 3 to 300");
  });

  it("takes the rules for tenants", async () => {
    const args = ["--require-service-account", "--default-service-account", "deployer", "--cross-namespace-refs"];
    expect(await parse("run", ...args)).toMatchObject({
      requireServiceAccount: true,
      defaultServiceAccount: "deployer",
      crossNamespaceRefs: true,
    });
  });

  it("takes a limit of rollouts at once", async () => {
    expect(await parse("run", "--max-rollouts", "2")).toMatchObject({ maxRollouts: 2 });
    for (const text of ["", "-1", "two", "1.5", "10000", "01"])
      await expect(parse("run", `--max-rollouts=${text}`)).rejects.toThrow("give a whole number from 0 to 9999");
  });

  it.each(["", "Deployer", "a/b", "../x"])("A14: refuses the default account %j", async (text) => {
    await expect(parse("run", `--default-service-account=${text}`)).rejects.toThrow("name of a service account");
  });

  it.each(["", "8080", "host", "host:", "host:70000", "::1:8080"])("refuses to listen on %j", async (text) => {
    await expect(parse("run", `--listen=${text}`)).rejects.toThrow("give host:port");
  });
});
