import { join } from "node:path";
import { goProgram } from "../cluster/binaries.ts";
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

async function appImage(name: "shop" | "load", log?: (line: string) => void): Promise<AppImage> {
  const program = await goProgram(join(import.meta.dirname, "go"), `./cmd/${name}`, log);
  return buildImage({
    name: `fairlead.local/${name}`,
    files: [{ from: program, to: `/${name}`, mode: 0o755 }],
    entrypoint: [`/${name}`],
    user: "65532",
  });
}
