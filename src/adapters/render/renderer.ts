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
/** Renderers at one time: their memory comes on top of our own, within the limit of the pod. */
const AT_ONCE = 2;

/** Renders what stands at a path: a chart, a kustomization, or plain YAML and JSON files. */
export function createRenderer(options: RendererOptions): Renderer {
  const plain = createYamlRenderer(options);
  const tempRoot = options.tempRoot ?? tmpdir();
  const sandbox = new Sandbox(options.programs, { ...LIMITS, ...options.limits }, new Slots(AT_ONCE));
  return {
    async render(request: RenderRequest, signal: AbortSignal): Promise<RenderResult> {
      const chart = request.path === "" ? "Chart.yaml" : `${request.path}/Chart.yaml`;
      const found = await request.tree.look([chart, ...namesIn(request.path)], signal);
      if (found.size === 0) return plain.render(request, signal);
      // Most operators render none: their memory is not for it.
      if (found.has(chart)) {
        const { renderChart } = await import("./helm.ts");
        return renderChart(request, { sandbox, tempRoot }, signal);
      }
      const { renderKustomization } = await import("./kustomize.ts");
      return renderKustomization(request, { sandbox, tempRoot }, signal);
    },
  };
}
