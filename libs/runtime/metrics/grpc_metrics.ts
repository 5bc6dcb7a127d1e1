// SPDX-License-Identifier: Apache-2.0
/**
 * Counts what a gRPC server's connections do.
 * @module
 */
import type { CertificateEnd } from "@denvoy/base";
import type { Metrics } from "./metrics.ts";

/** Told by a gRPC server; the observer of libs/grpc. */
export interface GrpcConnectionObserver {
  /** A connection was accepted. */
  connectionOpened(): void;
  /** A connection is over; `code` is the name of the HTTP/2 error code that it ended with. */
  connectionEnded(report: { readonly code: string; readonly reason: string }): void;
  /** A connection was closed at once since there were too many. */
  connectionRefused(): void;
  /** A connection was ended, or refused, for its client certificate. */
  certificateEnded(why: CertificateEnd | "refused"): void;
}

/**
 * Registers `<service>_grpc_connections`, `…_ends_total{code,reason}`, `…_refused_total` and
 * `<service>_grpc_client_certificate_ends_total{why}`.
 */
export function grpcConnectionMetrics(metrics: Metrics): GrpcConnectionObserver {
  const open = metrics.gauge("grpc_connections", { help: "Open gRPC connections." });
  const ends = metrics.counter("grpc_connection_ends_total", {
    help: "gRPC connections that ended, by HTTP/2 error code and reason.",
    labels: ["code", "reason"],
  });
  const refused = metrics.counter("grpc_connections_refused_total", {
    help: "gRPC connections that were closed at once since there were too many.",
  });
  const certificates = metrics.counter("grpc_client_certificate_ends_total", {
    help:
      "gRPC connections that were ended as their client certificate had expired or was revoked, " +
      "and those that were refused with a revoked one.",
    labels: ["why"],
  });
  return {
    connectionOpened: () => open.add(1),
    connectionEnded({ code, reason }) {
      open.add(-1);
      // Numbers in reasons would make a series each.
      ends.add(1, { code, reason: reason.replaceAll(/\d+/g, "N") });
    },
    connectionRefused: () => refused.add(1),
    certificateEnded: (why) => certificates.add(1, { why }),
  };
}
