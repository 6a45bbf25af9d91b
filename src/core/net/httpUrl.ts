/** An address of http or https; undefined for another one, and for one with credentials: messages name the host. */
export function httpUrl(address: string): URL | undefined {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.username === "" && url.password === "" ? url : undefined;
}
