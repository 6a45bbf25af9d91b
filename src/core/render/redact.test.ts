import { expect, test } from "vitest";
import { hide, leaves, secretValues, sensitiveValues } from "./redact.ts";

test("A16: every form of a Secret's value is hidden", () => {
  const secret = {
    kind: "Secret",
    data: { a: "aHVudGVyMg==", bad: "%%%" },
    stringData: { b: "line one\n  line two\n", n: 123456 },
  };
  const values = secretValues(secret);
  for (const text of ["aHVudGVyMg==", "hunter2", "line one", "line two", "123456"]) {
    expect(hide(`got ${text}!`, values)).toBe("got ***!");
  }
  expect(hide('got "line one\\n  line two\\n"', values)).toBe('got "***"');
  expect(secretValues({ ...secret, kind: "ConfigMap" })).toEqual([]);
});

test("what is too short to be told from other words stays, and a longer secret is hidden as a whole", () => {
  expect(hide("no file of abc", ["of", "no"])).toBe("no file of abc");
  expect(hide("hunter2-long", ["hunter2", "hunter2-long"])).toBe("***");
});

test("values below telling names are secret", () => {
  const values = {
    db: { Password: "p", host: "h" },
    apiTokens: ["t", { x: 1 }],
    list: [{ privateKey: "k" }],
    name: "n",
  };
  expect(sensitiveValues(values)).toEqual(expect.arrayContaining(["p", "t", "1", "k"]));
  expect(sensitiveValues(values)).not.toContain("h");
  expect(leaves([true, null, 1n, "x"])).toEqual(["1", "x", "x"]);
});
