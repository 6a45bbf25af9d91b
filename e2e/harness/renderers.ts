import { binary } from "../cluster/index.ts";

/** The programs that render, by the flag that names them to the operator; built from their modules once and kept. */
export async function renderers(log?: (line: string) => void) {
  return {
    kustomize: await binary("kustomize", log),
    helm: await binary("helm", log),
    sandbox: await binary("fairlead-sandbox", log),
  };
}
