import { GitError, type GitErrorReason } from "../../ports/git.ts";

/** What the failed call was about, for the sentence and for hiding what must not be shown. */
export interface About {
  readonly host: string;
  readonly url: string;
  /** `branch "main"`, as the sentence names it. */
  readonly ref: string;
  readonly secrets: readonly string[];
  /** The private key needs a passphrase. */
  readonly locked?: boolean;
  /** How long the host asked to be left alone. */
  readonly retryAfterMs?: number;
}

interface Rule {
  readonly match: RegExp;
  readonly reason: GitErrorReason;
  readonly say: (about: About, text: string) => string;
}

const rateLimit: Rule = {
  match: /returned error: 429/i,
  reason: "RateLimited",
  say: ({ host }) => `${host} limits the rate of requests; it is tried again later, or set a longer interval`,
};

/** The order is the policy: the first rule that fits decides, so the more exact texts stand first. */
const rules: readonly Rule[] = [
  {
    match: /host key verification failed|host identification has changed|no .{1,20} host key is known/i,
    reason: "HostKeyMismatch",
    say: ({ host }, text) =>
      `${host} shows a host key${fingerprint(text)} that known_hosts in the Secret does not hold; compare it with the keys that the host publishes and update known_hosts`,
  },
  {
    match: /load key .*(invalid format|error in libcrypto)/i,
    reason: "AuthFailed",
    say: () => "the private key in the Secret cannot be read; it must be a key in OpenSSH or PEM format",
  },
  {
    match: /permission denied \(|too many authentication failures/i,
    reason: "AuthFailed",
    // ssh does not tell a key that it could not open from one that was refused.
    say: ({ host, locked }) =>
      `${host} does not accept the private key; ${locked === true ? "check that passphrase in the Secret opens it, and " : ""}add its public part to the repository's deploy keys`,
  },
  {
    match:
      /could not read (username|password)|authentication failed|invalid credentials|returned error: 401|http basic: access denied/i,
    reason: "AuthFailed",
    say: ({ host }) =>
      `${host} does not accept the credentials, or wants some; check the Secret: the token may have expired`,
  },
  {
    match: /returned error: 407|proxy connect aborted|http code 407 from proxy|response 407/i,
    reason: "AuthFailed",
    say: () => "the proxy does not accept its user and password; check the Secret of spec.proxySecretRef",
  },
  {
    match: /returned error: 403/i,
    reason: "AccessDenied",
    say: ({ host }) =>
      `${host} denies access to the repository (403); grant the credentials in the Secret the right to read it`,
  },
  {
    match:
      /could not resolve (host|proxy)|name or service not known|temporary failure in name resolution|nodename nor servname/i,
    reason: "HostUnknown",
    say: ({ host }) => `the name ${host} cannot be resolved; check the URL and the cluster's DNS`,
  },
  {
    match: /\bssl\b|\btls\b|gnutls|certificate|unable to get local issuer/i,
    reason: "TLSFailed",
    say: ({ host }, text) =>
      `no trusted TLS connection to ${host} (${detail(text)}); if it uses a private authority, add its certificate to the Secret as ca.crt`,
  },
  {
    match: /timed? ?out|operation too slow/i,
    reason: "Timeout",
    say: ({ host }) => `${host} did not answer in time; try again, or set a larger timeout`,
  },
  {
    match: /returned error: 30\d|unable to update url base from redirection/i,
    reason: "InvalidURL",
    say: ({ host }) =>
      `${host} redirects to another address and redirects are not followed; put the final URL into the source`,
  },
  rateLimit,
  {
    match: /returned error: 5\d\d|remote error: internal|internal server error/i,
    reason: "HostError",
    say: ({ host }, text) => `${host} has a fault of its own (${detail(text)}); it is tried again later`,
  },
  {
    match:
      /connection (refused|reset|closed)|couldn't connect|failed to connect|no route to host|network is unreachable|empty reply from server|unexpected disconnect|early eof|hung up unexpectedly|rpc failed|getpeername/i,
    reason: "HostUnreachable",
    say: ({ host }, text) =>
      `${host} cannot be reached (${detail(text)}); check the URL and network policies; it is tried again`,
  },
  {
    match: /couldn't find remote ref|not our ref|unadvertised object|no such ref/i,
    reason: "RefNotFound",
    say: ({ ref, url }) => `${ref} does not exist in ${url}; push it, or name another`,
  },
  {
    match:
      /repository .*not found|does not appear to be a git repository|repository not found|project you were looking for could not be found|returned error: 4(04|10)|not valid: is this a git repository/i,
    reason: "RepositoryNotFound",
    say: ({ url }) =>
      `there is no repository at ${url}, or the credentials may not see it; check the URL and the Secret`,
  },
  {
    match: /transport '.*' not allowed/i,
    reason: "InvalidURL",
    say: () => "the protocol is not allowed; use https or ssh",
  },
  {
    match: /attempting to allocate .* over limit|out of memory|cannot allocate memory|memory exhausted/i,
    reason: "TooLarge",
    say: ({ url }) =>
      `${url} needs more memory than git is given; keep very large files and great numbers of references out of the repository`,
  },
  {
    match: /\bgitmodules(Name|Url|Path|Update|Symlink|Blob|Parse|Large|Missing)\b/,
    reason: "SubmoduleRefused",
    say: (_about, text) => `git refuses the repository's .gitmodules (${detail(text)}); correct that file`,
  },
  {
    match: /\bobject [0-9a-f]{40,64}: [a-zA-Z]+: |fsck error/,
    reason: "ObjectRefused",
    say: ({ url }, text) =>
      `git refuses what ${url} holds as broken or hostile (${detail(text)}); take it out of the history`,
  },
  {
    match: /no space left on device|disk quota exceeded/i,
    reason: "TooLarge",
    say: () => "the disk of the Git store is full; give the cache volume more room",
  },
];

/** Turns what git printed into the reason and one sentence with the way out, free of credentials. */
export function classify(output: string, about: About): GitError {
  const text = output.slice(0, 16_384);
  const rule = rules.find(({ match }) => match.test(text));
  if (rule === undefined) {
    const said = detail(text) || "no message";
    return new GitError(
      "GitFailed",
      redact(`git failed: ${said}; if it stays, report it with this text`, about.secrets),
    );
  }
  const { reason, say } =
    // Some hosts deny access where they mean that there were too many requests.
    rule.reason === "AccessDenied" && about.retryAfterMs !== undefined ? rateLimit : rule;
  const { retryAfterMs } = about;
  return new GitError(
    reason,
    redact(say(about, text), about.secrets),
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

/** Replaces every credential in a text, and whatever stands as user or password in a URL. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "***");
  return clean.replace(/:\/\/[^/\s@:]*:[^/\s@]*@/g, "://***@");
}

/** One line of text that is safe to show: no escape sequence, no control character, cut at a length. */
export function plain(text: string, length: number): string {
  const clean = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences are what is removed.
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])/g, "")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .trim();
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean;
}

/** The line of git's output that says most: the last that begins with fatal, error or remote, else the first. */
function detail(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const best =
    lines.find((line) => /^(fatal|error): (?!could not read from remote)/i.test(line)) ??
    lines.find((line) => /^(ssh|remote|curl)/i.test(line)) ??
    lines[0] ??
    "";
  const said = best.replace(/^(fatal|error|remote|ssh): /i, "").replace(/^unable to access '[^']*': /, "");
  // How long it took differs each time, and would make the same trouble news at every try.
  return plain(said.replace(/ after \d+ (ms|milliseconds)\b/, ""), 200);
}

function fingerprint(text: string): string {
  const found = /SHA256:[A-Za-z0-9+/]{43}/.exec(text);
  return found === null ? "" : ` (${found[0]})`;
}
