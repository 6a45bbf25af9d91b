/** A path in its one form: no empty or `.` part, no slash at either end; "" is the root. `..` stays, for others to refuse. */
export function plainPath(path: string): string {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
}
