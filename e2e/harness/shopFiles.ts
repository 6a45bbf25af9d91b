import type { JsonObject } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { API_VERSION } from "../../src/api/v1alpha1/names.ts";
import { type ShopEnv, shopManifests, toYaml } from "../apps/shop.ts";

/** One step of a canary. */
export interface CanaryStep {
  readonly weight: number;
  readonly hold?: string;
}

/** How the shop is rolled out, in the words of a ProgressiveRollout; times are short, so that tests are. */
export interface RolloutChoice {
  readonly canary?: readonly CanaryStep[];
  readonly rolling?: { readonly batch?: number | string; readonly hold?: string };
  /** The least success rate in percent that is judged by Prometheus; no analysis when absent. */
  readonly successRate?: number;
  /** Anything else of `spec.analysis`. */
  readonly analysis?: JsonObject;
  /** Anything else of `spec`; it wins. */
  readonly spec?: JsonObject;
  readonly settleSeconds?: number;
  readonly scaleDownDelaySeconds?: number;
}

/** One version of the shop in Git. */
export interface ShopVersion {
  readonly version: string;
  /** How much of its answers are errors, from 0 to 1. */
  readonly failureRate?: number;
  readonly replicas?: number;
  readonly env?: ShopEnv;
}

/** What the files need to know besides. */
export interface ShopPlace {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  /** Where the operator reaches Prometheus; needed for `successRate`. */
  readonly prometheus: string | undefined;
  /** The directory in the repository. */
  readonly path: string;
}

/** The files of a version: `deployment.yaml`, `service.yaml`, and `rollout.yaml` where it has one. */
export function shopFiles(
  place: ShopPlace,
  shop: ShopVersion,
  rollout: RolloutChoice | undefined,
): Readonly<Record<string, string>> {
  const { namespace, name, image, path } = place;
  const { version, failureRate, replicas, env } = shop;
  const [deployment, service] = shopManifests({
    namespace,
    name,
    image,
    version,
    ...(replicas === undefined ? {} : { replicas }),
    env: { ...(failureRate === undefined ? {} : { FAILURE_RATE: String(failureRate) }), ...env },
  });
  const file = (what: string) => `${path}/${what}.yaml`;
  return {
    [file("deployment")]: toYaml([deployment]),
    [file("service")]: toYaml([service]),
    ...(rollout === undefined ? {} : { [file("rollout")]: toYaml([rolloutManifest(place, rollout)]) }),
  };
}

/** The ProgressiveRollout of the shop. */
function rolloutManifest({ namespace, name, prometheus }: ShopPlace, choice: RolloutChoice): Manifest {
  const { canary, rolling, successRate, settleSeconds = 2, scaleDownDelaySeconds = 30 } = choice;
  const analysis =
    successRate === undefined && choice.analysis === undefined
      ? undefined
      : {
          // An address of the caller's own needs no Prometheus of the scene.
          prometheus: choice.analysis?.["prometheus"] ?? { address: addressOf(prometheus) },
          interval: "2s",
          metrics: [{ name: "errors", successRate: { min: successRate ?? 99 }, window: "10s" }],
          ...choice.analysis,
        };
  return {
    apiVersion: API_VERSION,
    kind: "ProgressiveRollout",
    metadata: { name, namespace },
    spec: {
      workloadRef: { kind: "Deployment", name },
      serviceRef: { name },
      strategy: {
        ...(canary === undefined ? {} : { canary: { steps: canary.map((step) => ({ ...step })) } }),
        ...(rolling === undefined ? {} : { rolling: { ...rolling } }),
      },
      ...(analysis === undefined ? {} : { analysis }),
      settleSeconds,
      scaleDownDelaySeconds,
      ...choice.spec,
    },
  };
}

function addressOf(prometheus: string | undefined): string {
  if (prometheus === undefined) throw new Error("an analysis needs Prometheus: open the scene with prometheus: true");
  return prometheus;
}
