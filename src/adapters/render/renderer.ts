import { tmpdir } from "node:os";
import type { Renderer, RenderRequest, RenderResult } from "../../ports/render.ts";
import { namesIn } from "./graph.ts";
import { type Programs, Sandbox, type SandboxLimits } from "./sandbox.ts";
import { Slots } from "./slots.ts";
import { createYamlRenderer, type YamlRendererOptions } from "./yaml.ts";

/** What the renderer stands on. */
export interface RendererOptions extends YamlRendererOptions {
  readonly programs: Programs;
  /** Where renderers get their files, for the time of one rendering; the system's directory unless set. */
  readonly tempRoot?: string;
  readonly limits?: Partial<SandboxLimits>;
}

const LIMITS: SandboxLimits = { memoryBytes: 384 * 1024 * 1024, outputBytes: 16 * 1024 * 1024 };
/** As many renderers run at a time as the memory limit of the chart has room for. */
const AT_ONCE = 2;

/** Renders what stands at a path: a chart, a kustomization, or plain YAML and JSON files. */
export function createRenderer(options: RendererOptions): Renderer {
  const plain = createYamlRenderer(options);
  const tempRoot = options.tempRoot ?? tmpdir();
  const sandbox = new Sandbox(options.programs, { ...LIMITS, ...options.limits }, new Slots(AT_ONCE));
  return {
    async render(request: RenderRequest, signal: AbortSignal): Promise<RenderResult> {
      const kustomizations = namesIn(request.path);
      const found = await request.tree.look(kustomizations, signal);
      if (found.size === 0) return plain.render(request, signal);
      // Most operators render none: their memory is not for it.
      const { renderKustomization } = await import("./kustomize.ts");
      return renderKustomization(request, { sandbox, tempRoot }, signal);
    },
  };
}
