// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of access logs as log records of OTLP: one resource for each Envoy, the fields of a line as
 * attributes.
 * @module
 */
import type { HrTime } from "@opentelemetry/api";
import { OTLPLogExporter as GrpcExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as HttpExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import type { LogRecordExporter, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { NodeInfo } from "../domain/node_info.ts";
import type { LoggedLine, LogSink } from "../log_sink.ts";
import { resourceOf } from "./otlp_metric_data.ts";
import { type OtlpTarget, signalUrl } from "./otlp_metric_exporter.ts";

/** What belongs to all records. */
export interface OtlpLogSinkOptions {
  /** The collector. */
  readonly target: OtlpTarget;
  /** Version of Denvoy: that of the scope. */
  readonly version: string;
  /** The time (ms since epoch). */
  readonly nowMs: () => number;
}

const INFO = 9;

/** Sends to a collector. */
export class OtlpLogSink implements LogSink<LoggedLine> {
  /** Its name. */
  readonly name = "otlp";
  readonly #options: OtlpLogSinkOptions;
  readonly #exporter: LogRecordExporter;
  readonly #resources = new WeakMap<NodeInfo, Resource>();

  /** Nothing is sent before the first line. */
  constructor(options: OtlpLogSinkOptions) {
    const { url, protocol, headers, timeoutMs } = options.target;
    this.#options = options;
    this.#exporter = protocol === "grpc"
      ? new GrpcExporter({ url, timeoutMillis: timeoutMs })
      : new HttpExporter({
        url: signalUrl(url, "logs"),
        headers: { ...headers },
        timeoutMillis: timeoutMs,
      });
  }

  /** See {@linkcode LogSink.write}. */
  write(lines: readonly LoggedLine[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#exporter.export(lines.map((line) => this.#record(line)), ({ code, error }) => {
        if (code === 0) resolve();
        else reject(error ?? new Error("the collector gave no reason"));
      });
    });
  }

  /** Waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exporter.shutdown();
  }

  #record({ node, line }: LoggedLine): ReadableLogRecord {
    const { time, ...attributes } = line;
    const observed = this.#options.nowMs();
    const at = typeof time === "string" ? Date.parse(time) : observed;
    return {
      hrTime: hrTime(at),
      hrTimeObserved: hrTime(observed),
      severityNumber: INFO,
      body: bodyOf(line),
      attributes: attributes as ReadableLogRecord["attributes"],
      resource: this.#resourceOf(node),
      instrumentationScope: { name: "denvoy.access_logs", version: this.#options.version },
      droppedAttributesCount: 0,
    };
  }

  #resourceOf(node: NodeInfo): Resource {
    let resource = this.#resources.get(node);
    if (resource === undefined) {
      resource = resourceOf(node);
      this.#resources.set(node, resource);
    }
    return resource;
  }
}

function bodyOf(
  { kind, method, path, status, upstream_cluster: cluster }: LoggedLine["line"],
): string {
  const parts = kind === "http" ? [method, path, status] : [kind, cluster];
  return parts.filter((part) => part !== undefined).join(" ");
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
