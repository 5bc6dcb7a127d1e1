// SPDX-License-Identifier: Apache-2.0
/**
 * A collector inside the test's process: takes OTLP over HTTP and gRPC, and keeps what it is sent.
 * @module
 */
import { type Bytes, joinBytes, silentLogger } from "@denvoy/base";
import { implement, rawCodec, serveGrpc } from "@denvoy/grpc";
import { messageFromBinary, toJson } from "@denvoy/proto";

/** A running collector. Disposing it stops it. */
export interface Collector extends AsyncDisposable {
  /** `host:port` of each protocol. */
  readonly addresses: Readonly<Record<"http" | "grpc", string>>;
  /** Requests so far, as JSON text. */
  readonly requests: readonly string[];
  /** The same as they came. */
  readonly received: readonly ReceivedOtlp[];
}

/** A request as it came. */
export interface ReceivedOtlp {
  /** What it holds. */
  readonly signal: "metrics" | "logs";
  /** The message in proto wire form. */
  readonly bytes: Uint8Array;
}

const METRICS = "opentelemetry.proto.collector.metrics.v1";
const LOGS = "opentelemetry.proto.collector.logs.v1";

/** Starts a collector that accepts everything. */
export async function startCollector(): Promise<Collector> {
  const requests: string[] = [];
  const received: ReceivedOtlp[] = [];
  const take = (typeName: string, bytes: Uint8Array) => {
    received.push({ signal: typeName.startsWith(LOGS) ? "logs" : "metrics", bytes: bytes.slice() });
    const message = messageFromBinary(`type.googleapis.com/${typeName}`, bytes);
    requests.push(JSON.stringify(toJson(message, { withType: false })));
  };
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const isLogs = new URL(request.url).pathname === "/v1/logs";
      const type = isLogs
        ? `${LOGS}.ExportLogsServiceRequest`
        : `${METRICS}.ExportMetricsServiceRequest`;
      take(type, new Uint8Array(await request.arrayBuffer()));
      return new Response();
    },
  );
  const method = (service: string, type: string) =>
    implement<Bytes, Bytes>({
      ...{ service, method: "Export", kind: "unary", request: rawCodec, response: rawCodec },
    }, (bytes: Bytes) => {
      take(type, joinBytes(bytes));
      return new Uint8Array(0);
    });
  const grpc = await serveGrpc({
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
    logger: silentLogger,
    methods: [
      method(`${METRICS}.MetricsService`, `${METRICS}.ExportMetricsServiceRequest`),
      method(`${LOGS}.LogsService`, `${LOGS}.ExportLogsServiceRequest`),
    ],
  });
  return {
    addresses: { http: `127.0.0.1:${http.addr.port}`, grpc: grpc.address },
    requests,
    received,
    async [Symbol.asyncDispose]() {
      await http.shutdown();
      await grpc.drain(0);
    },
  };
}
