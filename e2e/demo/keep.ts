import type { Shop } from "../harness/shop.ts";
import type { Stage } from "./stage.ts";

/** What to try while everything stays up. */
export function hints({ cluster, scene }: Stage, shop: Shop, kubectl: string, prometheus: string): readonly string[] {
  const { namespace, name, repo } = shop;
  const { git, operator } = scene;
  const url = new URL(git.httpsUrl(repo));
  url.username = git.username;
  url.password = git.password;
  const ca = `GIT_SSL_CAINFO=${git.clientEnv["GIT_SSL_CAINFO"]}`;
  return [
    "All of it stays up until Ctrl-C. In another terminal:",
    "",
    `  export KUBECONFIG=${cluster.kubeconfig}`,
    `  alias kubectl=${kubectl}`,
    `  kubectl -n ${namespace} get gitsync,progressiverollout,deployment,pod -L fairlead.dev/revision`,
    `  kubectl -n ${namespace} describe progressiverollout ${name}`,
    `  kubectl -n ${namespace} get progressiverollout ${name} --watch`,
    `  kubectl -n ${namespace} scale progressiverollout/${name} --replicas=5`,
    `  kubectl -n ${namespace} delete service ${name}    # it is back in a moment`,
    `  kubectl -n ${operator.namespace} logs -l app.kubernetes.io/name=fairlead -f`,
    "",
    "A release of your own: clone, change VERSION (and FAILURE_RATE) in deploy/deployment.yaml, commit, push; revert, push.",
    "",
    `  ${ca} git clone ${url.href} shop && cd shop`,
    `  ${ca} git push`,
    "",
    `  Prometheus  ${prometheus}`,
    `  operator    ${operator.url}/metrics`,
    `  working copy of the demo: ${shop.copy.directory}`,
    "",
  ];
}
