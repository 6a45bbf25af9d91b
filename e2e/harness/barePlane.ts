import { openControlPlane } from "../cluster/index.ts";
import { applyCrds } from "./crds.ts";
import { owned } from "./ending.ts";
import { Kube } from "./kube.ts";

/** A real API server with Fairlead's CRDs, and nothing of Fairlead that runs. */
export interface BarePlane extends AsyncDisposable {
  readonly kubeconfig: string;
  readonly kube: Kube;
}

/** Starts one. What was begun is taken down also when that fails half-way. */
export async function openBarePlane(): Promise<BarePlane> {
  await using undo = new AsyncDisposableStack();
  const { kubeconfig } = owned(undo, "the control plane", await openControlPlane({ log: () => undefined }));
  const kube = owned(undo, "the client", new Kube(kubeconfig));
  await applyCrds(kube);
  const ending = undo.move();
  return { kubeconfig, kube, [Symbol.asyncDispose]: () => ending.disposeAsync() };
}
