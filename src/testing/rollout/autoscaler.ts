/** How far a metric may be from its target before Kubernetes' HorizontalPodAutoscaler acts. */
const TOLERANCE = 0.1;

/** The replicas that a HorizontalPodAutoscaler asks for, from what it measures of each ready pod and its target. */
export function desiredBy(current: number, values: readonly number[], target: number): number {
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  const ratio = average / target;
  return Math.abs(1 - ratio) <= TOLERANCE ? current : Math.ceil(ratio * values.length);
}
