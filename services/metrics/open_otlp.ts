// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the way to a collector that the settings ask for.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import type { Runtime } from "@denvoy/runtime";
import {
  CONCURRENCY,
  OtlpMetricExporter,
  type OtlpTarget,
} from "./adapters/otlp_metric_exporter.ts";
import { toResourceMetrics } from "./adapters/otlp_metric_data.ts";
import type { MetricsConfig } from "./config.ts";
import type { Fleet } from "./domain/fleet.ts";
import { OtlpSender } from "./otlp_sender.ts";

/**
 * Begins to send metrics on; does nothing without `--otlp-url`.
 * @throws ProblemError when the settings make no sense
 */
export function openOtlp(
  config: MetricsConfig,
  { fleet, runtime }: { readonly fleet: Fleet; readonly runtime: Runtime },
): AsyncDisposable | undefined {
  const target = otlpTarget(config);
  if (target === undefined) return undefined;
  const { otlpTemporality: temporality, otlpIntervalMs: intervalMs } = config;
  const { clock, metrics, logger, readiness, version } = runtime;
  const exporter = new OtlpMetricExporter(target);
  const sender = new OtlpSender({
    fleet,
    send: (info, taken) => exporter.send(toResourceMetrics(info, taken, { temporality, version })),
    ...{ temporality, intervalMs, concurrency: CONCURRENCY, clock, metrics, logger },
    health: readiness.component("otlp"),
  });
  return {
    async [Symbol.asyncDispose]() {
      await sender[Symbol.asyncDispose]();
      await exporter[Symbol.asyncDispose]();
    },
  };
}

/**
 * Returns the collector of the settings; undefined without one.
 * @throws ProblemError when the settings make no sense
 */
export function otlpTarget(config: MetricsConfig): OtlpTarget | undefined {
  const { otlpUrl: url, otlpProtocol: protocol, otlpHeaders: headers } = config;
  if (url === undefined) return undefined;
  if (protocol === "grpc" && Object.keys(headers).length > 0) {
    const message = "is for OTLP over HTTP only: set OTEL_EXPORTER_OTLP_HEADERS for gRPC";
    throw new ProblemError([{ severity: "error", path: "--otlp-header", message }]);
  }
  return { url, protocol, headers, timeoutMs: config.otlpTimeoutMs };
}
