// SPDX-License-Identifier: Apache-2.0
/**
 * Sends metrics by OTLP, over HTTP (protobuf) or gRPC, with OpenTelemetry's own exporters.
 * @module
 */
import { OTLPMetricExporter as GrpcExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as HttpExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { PushMetricExporter, ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** How a collector is reached. */
export interface OtlpTarget {
  /** The collector, e.g. `http://127.0.0.1:4318`; `https` is TLS. */
  readonly url: string;
  /** What is spoken to it. */
  readonly protocol: "http" | "grpc";
  /** Headers of each request; HTTP only. */
  readonly headers: Readonly<Record<string, string>>;
  /** The longest that a request may take, retries included. */
  readonly timeoutMs: number;
}

/** What became of a request. */
export type OtlpOutcome =
  | { readonly kind: "sent" }
  /** It may be sent again. */
  | { readonly kind: "failed"; readonly why: string }
  /** It will never be taken. */
  | { readonly kind: "refused"; readonly why: string };

/** Statuses with which a collector refuses what it is sent. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);
/** gRPC's INVALID_ARGUMENT; other codes may be of the moment. */
const GRPC_INVALID_ARGUMENT = 3;
/** Requests under way at once. */
export const CONCURRENCY = 4;

/** A connection to a collector. */
export class OtlpMetricExporter implements AsyncDisposable {
  readonly #exporter: PushMetricExporter;

  /** Nothing is sent before {@linkcode send}. */
  constructor({ url, protocol, headers, timeoutMs }: OtlpTarget) {
    const common = { timeoutMillis: timeoutMs, concurrencyLimit: CONCURRENCY };
    this.#exporter = protocol === "grpc"
      ? new GrpcExporter({ ...common, url })
      : new HttpExporter({ ...common, url: signalUrl(url, "metrics"), headers: { ...headers } });
  }

  /** Sends what belongs to one Envoy. Never rejects. */
  send(metrics: ResourceMetrics): Promise<OtlpOutcome> {
    return new Promise((resolve) => {
      this.#exporter.export(metrics, ({ code, error }) => {
        // ExportResultCode.SUCCESS
        resolve(code === 0 ? { kind: "sent" } : outcomeOf(error));
      });
    });
  }

  /** Waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exporter.shutdown();
  }
}

/** Returns the URL of a signal: the path of OTLP/HTTP is added to one that has none. */
export function signalUrl(url: string, signal: "metrics" | "logs"): string {
  const full = new URL(url);
  if (full.pathname === "/" || full.pathname === "") full.pathname = `/v1/${signal}`;
  return full.href;
}

function outcomeOf(error: Error | undefined): OtlpOutcome {
  const code = (error as { readonly code?: number } | undefined)?.code;
  const why = error?.message ?? "no reason was given";
  const refused = code === GRPC_INVALID_ARGUMENT || (code !== undefined && REFUSALS.has(code));
  return { kind: refused ? "refused" : "failed", why };
}
