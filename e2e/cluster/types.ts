/** A Kubernetes API that tests may do anything to; disposing it takes down what was started for it. */
export interface ControlPlane extends AsyncDisposable {
  /** Path of an admin kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
}

/** A control plane with a node that runs pods. */
export interface Cluster extends ControlPlane {
  readonly provider: "local" | "context" | "kind";
  readonly name: string;
  /** An address of this machine that pods reach (the Git server of the tests listens there). */
  readonly hostAddress: string;
  /** An address where this machine reaches NodePorts. */
  readonly nodeAddress: string;
  /** Makes a docker-archive tar known to the node; pods use imagePullPolicy Never. */
  loadImage(tarPath: string, signal?: AbortSignal): Promise<void>;
}

/** How a cluster is opened; all of it has defaults. */
export interface ClusterOptions {
  readonly name?: string;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** What goes into an image, in terms of this machine's files. */
export interface ImageSpec {
  /** Without a tag, e.g. "fairlead.local/shop". */
  readonly name: string;
  /** Files or directories; dynamic executables bring their shared libraries along. */
  readonly files: readonly { readonly from: string; readonly to: string; readonly mode?: number }[];
  readonly entrypoint: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  /** Small files given as content, e.g. /etc/passwd. */
  readonly text?: Readonly<Record<string, string>>;
}
