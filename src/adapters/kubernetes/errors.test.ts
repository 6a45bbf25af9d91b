import { expect, test } from "vitest";
import { status } from "../../testing/fakeApiServer.ts";
import { redact, retryAfter, statusError } from "./errors.ts";

test.each([
  [400, "BadRequest", "Invalid"],
  [401, "Unauthorized", "Unauthorized"],
  [403, "Forbidden", "Forbidden"],
  [409, "AlreadyExists", "AlreadyExists"],
  [409, "Conflict", "Conflict"],
  [410, "Expired", "Other"],
  [413, "RequestEntityTooLarge", "Invalid"],
  [422, "Invalid", "Invalid"],
  [429, "TooManyRequests", "Throttled"],
  [500, "InternalError", "Unavailable"],
  [504, "Timeout", "Unavailable"],
])("%i %s is %s", (code, reason, kind) => {
  expect(statusError({ what: "get Thing a" }, code, status(code, reason, "no"))).toMatchObject({ kind, code });
});

test("a missing object is NotFound, a missing path is UnknownKind", () => {
  const call = { what: "get Deployment shop/web" };
  const missing = status(404, "NotFound", "not found", { name: "web", kind: "deployments" });
  expect(statusError(call, 404, missing).kind).toBe("NotFound");
  expect(statusError(call, 404, status(404, "NotFound", "could not find the requested resource")).kind).toBe(
    "UnknownKind",
  );
  expect(statusError(call, 404, undefined).kind).toBe("UnknownKind");
});

test.each([
  "failed to create typed patch object (shop/b; apps/v1, Kind=Deployment): .spec.futureField: field not declared in schema",
  "failed to convert new object (shop/b; apps/v1, Kind=Deployment) to proper version: cannot",
])("a schema error of an apply is Invalid, although the server calls it 500: %s", (message) => {
  expect(statusError({ what: "apply Deployment shop/b" }, 500, { kind: "Status", code: 500, message }).kind).toBe(
    "Invalid",
  );
});

test("the message is the server's, and the causes are kept", () => {
  const causes = [{ reason: "FieldValueInvalid", message: "must be positive", field: "spec.replicas" }];
  const error = statusError({ what: "apply Deployment shop/web" }, 422, status(422, "Invalid", "is wrong", { causes }));
  expect(error.message).toBe("cannot apply Deployment shop/web: is wrong");
  expect(error.causes).toEqual(causes);
});

test("an answer that is no Status is never quoted", () => {
  expect(statusError({ what: "get Secret a/b" }, 502, { token: "hunter2" }).message).toBe(
    "cannot get Secret a/b: the API server answered 502",
  );
});

test.each([
  ['data[a]: Invalid value: "hun\\"ter2": too short', "data[a]: Invalid value: (redacted): too short"],
  [
    'x: Invalid value: "a": no, y: Duplicate value: "b"',
    "x: Invalid value: (redacted): no, y: Duplicate value: (redacted)",
  ],
  [
    'type: Unsupported value: "hunter2": supported values: "A"',
    'type: Unsupported value: (redacted): supported values: "A"',
  ],
  ['data: Invalid value: {"a":"hunter2"}: wrong', "data: Invalid value: (redacted)"],
  [
    "(s; /v1, Kind=Secret): .data.a: expected string, got &value.valueUnstructured{Value:hunter2}",
    "(s; /v1, Kind=Secret): .data.a: expected string, got (redacted)",
  ],
  [".data: expected map, got &{hunter2}", ".data: expected map, got (redacted)"],
  [
    "invalid character 'h' looking for beginning of value",
    "invalid character (redacted) looking for beginning of value",
  ],
])("a value refused in a Secret is redacted: %s", (message, clean) => {
  expect(redact(message)).toBe(clean);
  const causes = [{ reason: "FieldValueInvalid", message, field: "data" }];
  const told = statusError(
    { what: "apply Secret a/b", secret: true },
    422,
    status(422, "Invalid", message, { causes }),
  );
  expect(told.message + (told.causes[0]?.message ?? "")).not.toContain("hun");
  const open = statusError({ what: "apply Deployment a/b" }, 422, status(422, "Invalid", message));
  expect(open.message).toContain(message);
});

test("Retry-After may be seconds or a date", () => {
  expect(retryAfter("3", 0)).toBe(3000);
  expect(retryAfter("Thu, 01 Jan 1970 00:00:05 GMT", 1000)).toBe(4000);
  expect(retryAfter("soon", 0)).toBeUndefined();
  expect(retryAfter(undefined, 0)).toBeUndefined();
});
