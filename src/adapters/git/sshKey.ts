const magic = "openssh-key-v1\0";

/** Tells whether a private key wants a passphrase; it is not decrypted for that. */
export function isEncrypted(key: string): boolean {
  if (/^(Proc-Type: 4,ENCRYPTED|-----BEGIN ENCRYPTED )/m.test(key)) return true;
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(key)?.[1];
  const bytes = Buffer.from(body ?? "", "base64");
  if (bytes.toString("latin1", 0, magic.length) !== magic || bytes.length < magic.length + 4) return false;
  const length = bytes.readUInt32BE(magic.length);
  return bytes.toString("latin1", magic.length + 4, magic.length + 4 + length) !== "none";
}
