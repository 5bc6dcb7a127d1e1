// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.load_stats.v3.LoadReportingService`: an Envoy says who it is, is told what to report
 * and how often, and reports. An interval below a second would make Envoy report in a loop, so there
 * is none.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import {
  type BidiStreamHandler,
  type CallContext,
  type Codec,
  implement,
  type MethodImplementation,
} from "@denvoy/grpc";
import { type Init, messageCodec, type MessageOf } from "@denvoy/proto";
import type { ClusterLoad } from "../domain/load_report.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import { type LoadStatsMessage, readLoadStats } from "./load_message.ts";
import { decodeNode, nodeInfoOf } from "./node_message.ts";

/** What answers the RPC. */
export interface LoadReportingParts {
  /** What Envoys are asked for. */
  readonly request: LoadRequest;
  /** Takes a report. */
  readonly onReport: (node: NodeInfo, clusters: readonly ClusterLoad[]) => void;
  /** Checks who calls; throws a StatusError when it must not be `node`. */
  readonly authorize: (node: NodeInfo, context: CallContext) => void;
  /** Is told that a stream began, and (by what it returns) that it ended. */
  readonly onStream: () => () => void;
}

/** What Envoys are asked for. */
export interface LoadRequest {
  /** Clusters; all when empty. */
  readonly clusters: readonly string[];
  /** How often, in milliseconds; at least {@linkcode MIN_LOAD_INTERVAL_MS}. */
  readonly intervalMs: number;
  /** Whether load is told for each endpoint. */
  readonly endpoints: boolean;
}

/** The shortest interval that Envoys are asked for. */
export const MIN_LOAD_INTERVAL_MS = 1_000;

type Response = MessageOf<"envoy.service.load_stats.v3.LoadStatsResponse">;

const codec = messageCodec("envoy.service.load_stats.v3.LoadStatsResponse");

const requests: Codec<LoadStatsMessage> = {
  encode() {
    throw new TypeError("Cannot encode load reports as a server only reads them");
  },
  decode: readLoadStats,
};

const responses: Codec<Init<Response>> = {
  encode: (message) => codec.encode(message),
  decode: (bytes) => codec.decode(bytes),
};

/** Returns the RPC of the service. */
export function loadReportingMethods(parts: LoadReportingParts): readonly MethodImplementation[] {
  const handler: BidiStreamHandler<LoadStatsMessage, Init<Response>> = (reports, context) =>
    streamLoadStats(reports, { parts, context });
  return [
    implement({
      service: "envoy.service.load_stats.v3.LoadReportingService",
      method: "StreamLoadStats",
      kind: "bidi-stream",
      request: requests,
      response: responses,
    }, handler),
  ];
}

async function* streamLoadStats(
  reports: AsyncIterable<LoadStatsMessage>,
  { parts, context }: { readonly parts: LoadReportingParts; readonly context: CallContext },
): AsyncGenerator<Init<Response>> {
  let info: NodeInfo | undefined;
  let onEnd: (() => void) | undefined;
  try {
    for await (const { node, clusters } of reports) {
      if (info === undefined) {
        info = identify(node);
        parts.authorize(info, context);
        onEnd = parts.onStream();
        yield responseOf(parts.request);
      }
      if (clusters.length > 0) parts.onReport(info, clusters);
    }
  } finally {
    onEnd?.();
  }
}

function identify(node: Uint8Array | undefined): NodeInfo {
  const info = node === undefined ? undefined : nodeInfoOf(decodeNode(node), []);
  if (info !== undefined && info.id !== "") return info;
  throw new StatusError(
    StatusCode.INVALID_ARGUMENT,
    "cannot take load reports as the first message must name its node (node.id)",
  );
}

function responseOf({ clusters, intervalMs, endpoints }: LoadRequest): Init<Response> {
  const ms = Math.max(MIN_LOAD_INTERVAL_MS, intervalMs);
  return {
    clusters,
    sendAllClusters: clusters.length === 0,
    loadReportingInterval: { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 },
    reportEndpointGranularity: endpoints,
  };
}
