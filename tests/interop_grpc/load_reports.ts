// SPDX-License-Identifier: Apache-2.0
/**
 * Load reports (ORCA) of the interop server: with one call as a trailer, or for the whole server as
 * a stream of xds.service.orca.v3.OpenRcaService.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import { type CallContext, implement, type MethodImplementation } from "@denvoy/grpc";
import { codecOf, defineMethod, type OrcaLoadReport, type TestOrcaReport } from "./messages.ts";

const streamCoreMetrics = defineMethod<Record<never, never>, OrcaLoadReport>(
  "xds.service.orca.v3.OpenRcaService/StreamCoreMetrics",
  { kind: "server-stream", request: "OrcaLoadReportRequest", response: "OrcaLoadReport" },
);

const reportCodec = codecOf<OrcaLoadReport>("OrcaLoadReport");

/** The report of one server, and those who follow it. */
export class LoadReports {
  /** The service of which clients stream reports; a new report is sent when there is one. */
  readonly method: MethodImplementation = implement(
    streamCoreMetrics,
    (_request: Record<never, never>, context: CallContext) => this.#follow(context.signal),
  );
  #report: OrcaLoadReport = {};
  #changed = Promise.withResolvers<void>();

  /** Replaces the report of the server. */
  set(wanted: TestOrcaReport): void {
    this.#report = reportOf(wanted);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Sends a report with one call, if one is wanted. */
  attach(wanted: TestOrcaReport | undefined, context: CallContext): void {
    if (wanted === undefined) return;
    const report = joinBytes(reportCodec.encode(reportOf(wanted)));
    context.setTrailer("endpoint-load-metrics-bin", report);
  }

  async *#follow(signal: AbortSignal): AsyncGenerator<OrcaLoadReport> {
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      yield this.#report;
      await Promise.race([changed, over]);
    }
  }
}

function reportOf(wanted: TestOrcaReport): OrcaLoadReport {
  const { cpuUtilization, memoryUtilization, requestCost, utilization } = wanted;
  return { cpuUtilization, memUtilization: memoryUtilization, requestCost, utilization };
}
