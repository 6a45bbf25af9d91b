import { readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { run } from "./git.ts";

/** A server certificate, its key, and the authority that signed it; all PEM. */
export interface Certificates {
  readonly ca: string;
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes an authority of this server's own and a certificate for the hosts, with the openssl program. */
export async function makeCertificates(directory: string, hosts: readonly string[]): Promise<Certificates> {
  const file = (name: string) => join(directory, name);
  const names = hosts.map((host) => (isIP(host) === 0 ? `DNS:${host}` : `IP:${host}`));
  await writeFile(
    file("openssl.cnf"),
    [
      "[req]",
      "distinguished_name = name",
      "prompt = no",
      "[name]",
      "CN = Fairlead tests",
      "[ca]",
      "basicConstraints = critical, CA:TRUE",
      "keyUsage = critical, keyCertSign",
      "subjectKeyIdentifier = hash",
      "[server]",
      "basicConstraints = CA:FALSE",
      "extendedKeyUsage = serverAuth",
      `subjectAltName = ${names.join(", ")}`,
      "",
    ].join("\n"),
  );
  const openssl = (...args: readonly string[]) => run("openssl", args, { cwd: directory });
  const newKey = ["-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const ca = ["-x509", "-extensions", "ca", "-days", "30", "-keyout", "ca.key", "-out", "ca.pem"];
  await openssl("req", ...newKey, ...ca);
  await openssl("req", ...newKey, "-subj", "/CN=Git server", "-keyout", "server.key", "-out", "server.csr");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "server.pem"];
  await openssl("x509", "-req", "-in", "server.csr", "-extfile", "openssl.cnf", "-extensions", "server", ...signed);
  const [caPem, cert, key] = await Promise.all(
    ["ca.pem", "server.pem", "server.key"].map((n) => readFile(file(n), "utf8")),
  );
  if (caPem === undefined || cert === undefined || key === undefined) throw new Error("openssl wrote no certificate");
  return { ca: caPem, caFile: file("ca.pem"), cert, key };
}
