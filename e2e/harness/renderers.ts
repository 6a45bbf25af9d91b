import type { Programs } from "../../src/adapters/render/sandbox.ts";
import { binary } from "../cluster/index.ts";

/** The programs that render, built from their modules once and kept. */
export async function renderers(log?: (line: string) => void): Promise<Programs> {
  return {
    kustomize: await binary("kustomize", log),
    helm: await binary("helm", log),
    sandbox: await binary("fairlead-sandbox", log),
  };
}
