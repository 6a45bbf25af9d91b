import { isObject, type Json, type JsonObject, sameJson } from "./json.ts";

/**
 * The smallest merge patch (RFC 7396) that turns `before` into `after`: what is gone becomes null, lists are replaced whole.
 * undefined: they say the same.
 */
export function mergePatch(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[key];
    const is = after[key];
    if (sameJson(was, is)) continue;
    if (is === undefined) patch[key] = null;
    else if (isObject(was) && isObject(is)) patch[key] = mergePatch(was, is) ?? {};
    else patch[key] = is;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
