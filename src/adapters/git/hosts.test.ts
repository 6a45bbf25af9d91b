import { describe, expect, test } from "vitest";
import { reachOf } from "./addresses.ts";
import { type HostPolicy, Hosts } from "./hosts.ts";
import { lookUp, remembering } from "./lookup.ts";

const names: Readonly<Record<string, readonly string[]>> = {
  "git.example.com": ["203.0.113.7"],
  "git.internal": ["10.0.0.7"],
  "rebinding.example.com": ["203.0.113.7", "127.0.0.1"],
  "127.1": ["127.0.0.1"],
  "2130706433": ["127.0.0.1"],
};

function hosts(policy: Partial<HostPolicy> = {}): Hosts {
  return new Hosts({ addresses: "private", ...policy }, async (name) => {
    const found = names[name];
    if (found === undefined) throw new Error("ENOTFOUND");
    return found;
  });
}

const never = new AbortController().signal;
const place = (name: string) => ({ name, port: 443 });

describe("names", () => {
  test.each([
    ["git.example.com", ["git.example.com"], true],
    ["GIT.example.com", ["git.Example.com"], true],
    ["git.example.com.", ["git.example.com"], true],
    ["a.git.example.com", ["git.example.com"], false],
    ["a.b.example.com", ["*.example.com"], true],
    ["example.com", ["*.example.com"], false],
    [".example.com", ["*.example.com"], false],
    ["evilexample.com", ["*.example.com"], false],
    ["example.com.evil.org", ["*.example.com", "example.com"], false],
    ["[::1]", ["::1"], false],
    ["anything", [], false],
  ])("A08: %s against %j: %s", (name, allowed, passes) => {
    const check = () => hosts({ hosts: allowed }).check({ name });
    if (passes) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ reason: "HostRefused" }));
  });

  test("without a list any name passes, and none is named", () => {
    expect(() => hosts().check({ name: "git.example.com" })).not.toThrow();
    expect(hosts().names("git.example.com")).toBe(false);
  });
});

test("a name is looked up once in half a minute, and one without an address each time", async () => {
  let [asked, now] = [0, 0];
  const find = remembering(
    async (name) => {
      asked += 1;
      if (name === "nowhere") throw new Error("ENOTFOUND");
      return ["203.0.113.7"];
    },
    () => now,
  );
  for (const at of [0, 1_000, 29_999, 30_000]) {
    now = at;
    expect(await find("git.example.com", never)).toEqual(["203.0.113.7"]);
  }
  expect(asked).toBe(2);
  for (const _ of [1, 2]) await expect(find("nowhere", never)).rejects.toThrow("ENOTFOUND");
  expect(asked).toBe(4);
});

test("a name is looked up as the machine does, without a thread of the pool", async () => {
  const [first = ""] = await lookUp("localhost", never);
  expect(reachOf(first)).toBe("Local");
  await expect(lookUp("nowhere.invalid", never)).rejects.toThrow();
  await expect(lookUp("localhost", AbortSignal.abort())).rejects.toThrow("abort");
});

describe("addresses", () => {
  test.each<[string, HostPolicy["addresses"], boolean]>([
    ["git.example.com", "public", true],
    ["git.internal", "public", false],
    ["git.internal", "private", true],
    ["127.0.0.1", "private", false],
    ["[::1]", "private", false],
    ["[::ffff:a9fe:a9fe]", "private", false],
    ["127.1", "private", false],
    ["2130706433", "private", false],
    ["169.254.169.254", "private", false],
    ["rebinding.example.com", "private", false],
    ["127.0.0.1", "any", true],
  ])("A08: %s, where %s addresses are allowed: %s", async (name, addresses, passes) => {
    const admitted = hosts({ addresses }).admit(place(name), { proxied: false }, never);
    if (passes) await expect(admitted).resolves.toHaveLength(1);
    else await expect(admitted).rejects.toMatchObject({ reason: "HostRefused" });
  });

  test("what a repository names must be public, or named by the administrator", async () => {
    await expect(hosts().admit(place("git.internal"), { proxied: false, strict: true }, never)).rejects.toMatchObject({
      reason: "HostRefused",
    });
    const named = hosts({ hosts: ["git.internal"] }).admit(
      place("git.internal"),
      { proxied: false, strict: true },
      never,
    );
    await expect(named).resolves.toEqual(["10.0.0.7"]);
  });

  test("a name that only the proxy can resolve is left to it", async () => {
    await expect(hosts().admit(place("nowhere"), { proxied: true }, never)).resolves.toEqual([]);
    await expect(hosts().admit(place("nowhere"), { proxied: false }, never)).rejects.toMatchObject({
      reason: "HostUnknown",
    });
  });
});
