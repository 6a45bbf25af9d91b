import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Component, type Place, runIn, startComponent } from "./components.ts";
import { waitForComponents } from "./controlPlane.ts";
import { waitFor } from "./wait.ts";

/** Socket of the cluster's containerd, inside its mount namespace. */
export const containerdSocket = "/run/containerd/containerd.sock";

/** Range of pod addresses in every cluster; they mean something only inside of it. */
export const podRange = "10.244.0.0/16";

const ctr = ["ctr", "--address", containerdSocket, "--namespace", "k8s.io"];

/** Starts containerd with a pod network, and waits until it answers. */
export async function startContainerd(place: Place, sandboxImage: string, pluginDirectory: string): Promise<Component> {
  const { directory } = place.claim;
  const networks = join(directory, "cni");
  mkdirSync(networks, { recursive: true });
  writeFileSync(join(networks, "10-fairlead.conflist"), JSON.stringify(podNetwork(directory), null, 2));
  const config = join(directory, "containerd.toml");
  writeFileSync(config, containerdConfig(directory, sandboxImage, networks, pluginDirectory));
  const component = startComponent(place, "containerd", ["containerd", "--config", config, "--log-level", "warn"]);
  await waitForComponents("containerd to answer", [component], async () =>
    runIn(place, [...ctr, "version"]).then(
      () => ({ value: undefined }),
      (error: unknown) => ({ seen: String(error) }),
    ),
  );
  return component;
}

/** Imports a docker-archive tar and waits until the kubelet's side of containerd lists what is in it. */
export async function importImage(place: Place, tar: string, signal?: AbortSignal): Promise<void> {
  const output = await runIn(place, [...ctr, "images", "import", tar], { signal });
  const names = importedNames(output);
  await waitFor(
    `the images of ${tar} to be listed`,
    async () => {
      const list = await runIn(place, [...ctr, "images", "list"]);
      // containerd marks an image with this label once its Kubernetes plugin has noticed it.
      const managed = list.split("\n").filter((line) => line.includes("io.cri-containerd.image=managed"));
      const missing = names.filter((name) => !managed.some((line) => line.startsWith(`${name} `)));
      return missing.length === 0 ? { value: undefined } : { seen: `${output}\n${list}` };
    },
    { limitMs: 20_000, signal },
  );
}

/** Picks the image names out of what `ctr images import` prints, which differs from version to version. */
export function importedNames(output: string): string[] {
  return [...output.matchAll(/^(?:unpacking )?([\w.-]+\/\S+:[\w.-]+)/gm)].map((match) => match[1] ?? "");
}

/**
 * Each pod gets a link of its own to the node (no bridge), so that all traffic between pods passes the node's rules also
 * where the kernel does not filter bridged packets. Traffic out of the pod network goes out under the node's address.
 */
function podNetwork(directory: string): object {
  return {
    cniVersion: "0.4.0",
    name: "fairlead",
    plugins: [
      {
        type: "ptp",
        ipMasq: true,
        ipam: {
          type: "host-local",
          dataDir: join(directory, "cni-addresses"),
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

/** Layers cannot be overlaid on what is an overlay itself, as the disk of a container is: they are copied there. */
function snapshotter(directory: string): string {
  const overlayMagic = 0x794c7630;
  return statfsSync(directory).type === overlayMagic ? "native" : "overlayfs";
}

function containerdConfig(directory: string, sandboxImage: string, networks: string, plugins: string): string {
  // restrict_oom_score_adj: without CAP_SYS_RESOURCE (as in some virtual machines) no sandbox starts otherwise.
  return `version = 2
root = "${join(directory, "containerd")}"
state = "/run/containerd"

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter(directory)}"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${networks}"
`;
}
