/** Tells whether labels fit a label selector, in the syntax of the API server's `labelSelector` parameter. */
export function matchesSelector(selector: string, labels: Readonly<Record<string, string>>): boolean {
  // Commas inside parentheses separate the values of one requirement.
  return selector
    .split(/,(?![^(]*\))/)
    .map((requirement) => requirement.trim())
    .filter((requirement) => requirement !== "")
    .every((requirement) => fits(requirement, labels));
}

function fits(requirement: string, labels: Readonly<Record<string, string>>): boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(requirement);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const value = own(labels, key);
    const listed = value !== undefined && list.split(",").some((item) => item.trim() === value);
    return operator === "in" ? listed : !listed;
  }
  const equal = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(requirement);
  if (equal !== null) {
    const [, key = "", operator, value] = equal;
    return (own(labels, key) === value) !== (operator === "!=");
  }
  const key = requirement.replace(/^!\s*/, "");
  return (own(labels, key) !== undefined) !== requirement.startsWith("!");
}

function own(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
