import { type Manifest, refOf, title } from "../../api/objects.ts";

const HOOK = "helm.sh/hook";

/** Hooks of what only `helm` itself does: nothing here tests, deletes or rolls back a release. */
const NEVER_RUN: readonly string[] = [
  "test",
  "test-success",
  "test-failure",
  "pre-delete",
  "post-delete",
  "pre-rollback",
  "post-rollback",
];
const AT_CHANGES: readonly string[] = ["pre-install", "post-install", "pre-upgrade", "post-upgrade"];

/** What becomes of an object of a chart. `message` of a refusal says what and the way out. */
export type HookVerdict =
  | { readonly kind: "Ordinary" }
  | { readonly kind: "LeftOut"; readonly hook: string }
  | { readonly kind: "Refused"; readonly message: string };

/**
 * Judges an object by its hook annotation. A hook of an installation or upgrade is refused: applied as an ordinary object
 * it would run at another time than its author meant, beside what it should go before.
 */
export function judgeHook(object: Manifest): HookVerdict {
  const hooks = (object.metadata.annotations?.[HOOK] ?? "")
    .split(",")
    .map((hook) => hook.trim())
    .filter((hook) => hook !== "");
  const atChanges = hooks.filter((hook) => AT_CHANGES.includes(hook));
  const name = title(refOf(object));
  if (atChanges.length > 0) {
    return {
      kind: "Refused",
      message: `${name} is a hook (${atChanges.join(", ")}), and there is no installation or upgrade that would run it; switch it off by the chart's values, or make it an ordinary object`,
    };
  }
  const [hook] = hooks;
  return hook !== undefined && hooks.every((one) => NEVER_RUN.includes(one))
    ? { kind: "LeftOut", hook }
    : { kind: "Ordinary" };
}
