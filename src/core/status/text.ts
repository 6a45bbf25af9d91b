/**
 * A text on one line, without control characters.
 * Commit messages and server answers reach terminals and chats through status: no escape sequence may pass.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}

/** A text of at most `max` UTF-16 units; what is cut off shows as an ellipsis, and no character is split. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** The first items of a list in words: `a, b, and 3 more`. */
export function some(items: readonly string[], limit: number, separator = ", "): string {
  const shown = items.slice(0, limit).join(separator);
  const rest = items.length - limit;
  return rest > 0 ? `${shown}${separator}and ${rest} more` : shown;
}

/** A number of things: `1 object`, `3 objects`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
