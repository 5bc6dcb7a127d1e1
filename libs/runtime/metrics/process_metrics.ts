// SPDX-License-Identifier: Apache-2.0
/**
 * What every process tells about itself, under the names that Prometheus dashboards expect.
 * @module
 */
import process from "node:process";
import type { Clock, Timer } from "@denvoy/base";
import type { Metrics } from "./metrics.ts";

const LAG_PROBE_MS = 500;

/** What process metrics need to know. */
export interface ProcessMetricsOptions {
  /** Version of Denvoy, for `denvoy_build_info`. */
  readonly version: string;
  /** Name of the service, for `denvoy_build_info`. */
  readonly service: string;
  /** Timers of the lag probe. */
  readonly clock: Clock;
}

/** Registers memory, CPU, uptime, event-loop lag and build information; disposing stops the probe. */
export function registerProcessMetrics(
  metrics: Metrics,
  options: ProcessMetricsOptions,
): Disposable {
  const { clock, service, version } = options;
  const startMs = clock.nowMs() - performance.now();
  registerMemory(metrics);
  metrics.observeUnprefixed("process_cpu_seconds_total", {
    help: "CPU time that the process has used.",
    monotonic: true,
  }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.observeUnprefixed("process_start_time_seconds", {
    help: "When the process started, in seconds since the Unix epoch.",
  }, () => startMs / 1000);
  metrics.observeUnprefixed("process_uptime_seconds", {
    help: "How long the process has been running.",
  }, () => performance.now() / 1000);
  metrics.observeUnprefixed("denvoy_build_info", {
    help: "Always 1; the labels say what is running.",
  }, () => [{ value: 1, labels: { service, version, deno: Deno.version.deno } }]);
  return probeLag(metrics, clock);
}

function registerMemory(metrics: Metrics): void {
  metrics.observeUnprefixed("process_resident_memory_bytes", {
    help: "Memory of the process that is resident.",
  }, () => Deno.memoryUsage().rss);
  metrics.observeUnprefixed("process_heap_bytes", {
    help: "JavaScript heap of the process, by kind.",
  }, () => {
    const { heapTotal, heapUsed, external } = Deno.memoryUsage();
    return [
      { value: heapTotal, labels: { kind: "total" } },
      { value: heapUsed, labels: { kind: "used" } },
      { value: external, labels: { kind: "external" } },
    ];
  });
}

/** A timer that fires late shows that something kept the event loop for that long. */
function probeLag(metrics: Metrics, clock: Clock): Disposable {
  const lag = metrics.histogram("event_loop_lag_seconds", {
    help: "How late a timer fired, measured twice a second.",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  }).with();
  let timer: Timer;
  function arm(): void {
    const due = clock.monotonicMs() + LAG_PROBE_MS;
    timer = clock.after(LAG_PROBE_MS, () => {
      lag.record(Math.max(0, clock.monotonicMs() - due) / 1000);
      arm();
    });
  }
  arm();
  return { [Symbol.dispose]: () => timer.cancel() };
}
