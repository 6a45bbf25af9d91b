import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

const RESOLUTION_MS = 50;
const NANO = 1e-9;

/**
 * Registers what a process tells of itself, under the usual names: memory, CPU time and how late its event loop is.
 * prom-client's own set has 31 families and counts handles; these are read in microseconds. Answers how to stop.
 */
export function registerProcess(registry: Registry): () => void {
  const registers = [registry];
  // A scrape collects in the order of registration: one reading of the memory fills the gauges that follow it.
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since the epoch.",
    registers,
    collect() {
      const memory = process.memoryUsage();
      rss.set(memory.rss);
      used.set(memory.heapUsed);
      reserved.set(memory.heapTotal);
      external.set(memory.external);
      this.set(performance.timeOrigin / 1000);
    },
  });
  const rss = new Gauge({ name: "process_resident_memory_bytes", help: "Resident memory.", registers });
  const used = new Gauge({ name: "nodejs_heap_size_used_bytes", help: "Used heap.", registers });
  const reserved = new Gauge({ name: "nodejs_heap_size_total_bytes", help: "Reserved heap.", registers });
  const external = new Gauge({ name: "nodejs_external_memory_bytes", help: "Memory outside the heap.", registers });

  let spent = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process and its threads, without its children.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.inc((user + system - spent) / 1e6);
      spent = user + system;
    },
  });

  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // The recorded delay contains the timer's own period.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds * NANO - RESOLUTION_MS / 1000);
  new Gauge({
    name: "nodejs_eventloop_lag_max_seconds",
    help: "How late the event loop was since the last scrape, at most.",
    registers,
    collect() {
      this.set(late(delay.max));
      p99.set(late(delay.percentile(99)));
      delay.reset();
    },
  });
  const p99 = new Gauge({
    name: "nodejs_eventloop_lag_p99_seconds",
    help: "How late the event loop was since the last scrape, 99th percentile.",
    registers,
  });
  return () => delay.disable();
}
