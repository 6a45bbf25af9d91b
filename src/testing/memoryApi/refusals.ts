import { isObject, listAt, sameJson, stringAt } from "../../api/json.ts";
import { type Manifest, type ObjectRef, refOf, title } from "../../api/objects.ts";
import { ApiError } from "../../ports/cluster.ts";
import { isNothing } from "./fieldSet.ts";

/** What the schemas of the built-in kinds insist on, as far as tests leave it out. */
export function assertPresent(object: Manifest): void {
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const missing =
    (object.kind === "Deployment" && spec["selector"] === undefined && "spec.selector") ||
    (object.kind === "Service" && isNothing(spec["ports"]) && "spec.ports");
  if (missing) throw invalid(refOf(object), missing, "Required value");
  const template = isObject(spec["template"]) ? spec["template"] : {};
  const containers = listAt(template, "spec", "containers");
  if (object.kind === "Deployment" && containers.some((one) => stringAt(one, "image") === undefined)) {
    throw invalid(refOf(object), "spec.template.spec.containers.image", "Required value");
  }
  const strategy = isObject(spec["strategy"]) ? spec["strategy"] : {};
  if (strategy["type"] === "Recreate" && strategy["rollingUpdate"] !== undefined) {
    throw invalid(
      refOf(object),
      "spec.strategy.rollingUpdate",
      "Forbidden: may not be specified when strategy `type` is 'Recreate'",
    );
  }
}

/** What may not be changed any more. */
export function assertImmutable(before: Manifest, after: Manifest): void {
  const [a, b] = [before["spec"], after["spec"]];
  if (before.kind === "Deployment" && isObject(a) && isObject(b) && !sameJson(a["selector"], b["selector"])) {
    throw invalid(refOf(after), "spec.selector", "field is immutable");
  }
  const sealed = before.kind === "ConfigMap" && before["immutable"] === true;
  if (sealed && (after["immutable"] !== true || !sameJson(before["data"], after["data"]))) {
    throw invalid(refOf(after), "data", "field is immutable when `immutable` is set");
  }
}

/** The object is not as the writer believes. */
export function conflict(ref: ObjectRef, why: string): ApiError {
  return new ApiError("Conflict", `cannot write ${title(ref)}: ${why}`, { code: 409 });
}

/** There is no such object. */
export function notFound(ref: ObjectRef): ApiError {
  return new ApiError("NotFound", `cannot find ${title(ref)}`, { code: 404 });
}

function invalid(ref: ObjectRef, field: string, message: string): ApiError {
  const causes = [{ field, reason: "FieldValueInvalid", message }];
  return new ApiError("Invalid", `cannot apply ${title(ref)}: ${field}: ${message}`, { code: 422, causes });
}
