/** What `blank` replaces by spaces: comments alone, or the text of strings as well. */
export type Blanked = "comments" | "comments and strings";

/** A slash after one of these begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[([{,;=:!&|?+\-*%<>~^]|=>|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await))\s*$/;

/**
 * TypeScript source with its comments, and where asked the text of its strings, as spaces: what is left is code.
 * Lines keep their numbers. Code inside `${}` of a template stays code.
 */
export function blank(source: string, what: Blanked): string {
  const out: string[] = [];
  const templates: number[] = [];
  let depth = 0;
  let index = 0;
  const keep = (text: string): void => {
    out.push(text);
    index += text.length;
  };
  const hide = (text: string): void => {
    out.push(text.replaceAll(/[^\n]/g, " "));
    index += text.length;
  };
  const string = what === "comments" ? keep : hide;

  while (index < source.length) {
    const rest = source.slice(index);
    const char = rest.charAt(0);
    if (rest.startsWith("//")) hide(match(rest, /^[^\n]*/));
    else if (rest.startsWith("/*")) hide(match(rest, /^[\s\S]*?(?:\*\/|$)/));
    else if (char === '"' || char === "'")
      string(match(rest, char === '"' ? /^"(?:\\.|[^"\\\n])*"?/ : /^'(?:\\.|[^'\\\n])*'?/));
    else if (char === "/" && BEFORE_REGEX.test(out.slice(-40).join("").slice(-40))) {
      string(match(rest, /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])*\/?[a-z]*/));
    } else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      const text = match(rest, /^[`}](?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{|$)/);
      string(text);
      if (text.endsWith("${")) templates.push(depth);
    } else {
      if (char === "{") depth += 1;
      if (char === "}") depth -= 1;
      keep(char);
    }
  }
  return out.join("");
}

function match(text: string, pattern: RegExp): string {
  // Every pattern here begins with the character that led to it, so an empty match can't loop: it takes that one.
  return pattern.exec(text)?.[0] || text.charAt(0);
}
