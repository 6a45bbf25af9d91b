import { join } from "node:path";
import { binary, goProgram } from "../cluster/binaries.ts";
import { buildImage } from "../cluster/images.ts";

/** An image as an archive to load into a cluster, and the reference that pods name it by. */
export interface AppImage {
  readonly tar: string;
  readonly reference: string;
}

/** Builds the images of the shop and of the load generator; both are cached, and named after their content. */
export async function appImages(
  log?: (line: string) => void,
): Promise<{ readonly shop: AppImage; readonly load: AppImage }> {
  return { shop: await appImage("shop", log), load: await appImage("load", log) };
}

/** Builds the image of a real Prometheus, from its own module: minutes the first time. */
export async function prometheusImage(log?: (line: string) => void): Promise<AppImage> {
  return image("prometheus", await binary("prometheus", log));
}

/** Builds the image of the Gateway for tests. */
export function gatewayImage(log?: (line: string) => void): Promise<AppImage> {
  return appImage("gateway", log);
}

/** Builds the image of Traefik, a real Gateway, from its own module: ten minutes the first time. */
export async function traefikImage(log?: (line: string) => void): Promise<AppImage> {
  return image("traefik", await binary("traefik", log));
}

async function appImage(name: "shop" | "load" | "gateway", log?: (line: string) => void): Promise<AppImage> {
  return image(name, await goProgram(join(import.meta.dirname, "go"), `./cmd/${name}`, log));
}

/** A static program needs nothing else in its image. */
function image(name: string, program: string): Promise<AppImage> {
  return buildImage({
    name: `fairlead.local/${name}`,
    files: [{ from: program, to: `/bin/${name}`, mode: 0o755 }],
    entrypoint: [`/bin/${name}`],
    user: "65532",
  });
}
