/** Pods of a number or a percentage of the replicas: rounded up, at least one, and not more than there are. */
export function podsOf(quantity: number | string, replicas: number): number {
  const pods = typeof quantity === "number" ? quantity : Math.ceil((Number.parseInt(quantity, 10) * replicas) / 100);
  return Math.min(Math.max(pods, 1), Math.max(replicas, 1));
}
