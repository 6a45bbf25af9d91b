import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who talks to the API server: user name and groups, as its default roles know them. */
const users = {
  admin: ["kubernetes-admin", "system:masters"],
  "kube-controller-manager": ["system:kube-controller-manager"],
  "kube-scheduler": ["system:kube-scheduler"],
  "kube-proxy": ["system:kube-proxy"],
  kubelet: ["system:node:node", "system:nodes"],
} as const;

/** A component or person with a token of its own. */
export type User = keyof typeof users;

/** Secrets of one cluster, made anew for each. */
export interface Credentials {
  readonly directory: string;
  readonly tokenFile: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  token(user: User): string;
}

/** Makes the keys and tokens of a cluster in a directory. */
export function makeCredentials(directory: string): Credentials {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const tokens = new Map<User, string>();
  const lines = Object.entries(users).map(([user, [name, ...groups]], index) => {
    const token = randomBytes(24).toString("hex");
    tokens.set(user as User, token);
    return `${token},${name},${index},"${groups.join(",")}"`;
  });
  const tokenFile = join(directory, "tokens.csv");
  writeFileSync(tokenFile, `${lines.join("\n")}\n`, { mode: 0o600 });
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serviceAccountKey = join(directory, "service-account.key");
  const serviceAccountPublicKey = join(directory, "service-account.pub");
  writeFileSync(serviceAccountKey, privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  writeFileSync(serviceAccountPublicKey, publicKey.export({ type: "spki", format: "pem" }));
  return { directory, tokenFile, serviceAccountKey, serviceAccountPublicKey, token: (user) => tokens.get(user) ?? "" };
}

/** A kubeconfig for one user; JSON, which is YAML too. */
export function writeKubeconfig(path: string, server: string, ca: string, token: string): string {
  const name = "fairlead";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { server, "certificate-authority-data": Buffer.from(ca).toString("base64") } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return path;
}
