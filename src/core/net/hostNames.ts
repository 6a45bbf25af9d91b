/** Tells whether a list of an administrator names a host; `*.example.com` covers all below example.com, and not example.com itself. */
export function namesHost(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => covers(pattern, name));
}

function covers(pattern: string, name: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), name.toLowerCase().replace(/\.$/, "")];
  return wanted.startsWith("*.") ? given.endsWith(wanted.slice(1)) && given.length >= wanted.length : given === wanted;
}
