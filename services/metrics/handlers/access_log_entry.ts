// SPDX-License-Identifier: Apache-2.0
/**
 * An entry of an access log as it came, and its decoding for who needs all of it as values.
 * @module
 */
import { messageCodec } from "@denvoy/proto";
import { type AccessLogLine, httpLine, tcpLine } from "../domain/access_log_line.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import type { EntryKind } from "./access_log_reader.ts";

/** Who logs on a stream, and under which name. */
export interface AccessLogSource {
  /** The Envoy. */
  readonly node: NodeInfo;
  /** `log_name` of its logger. */
  readonly log: string;
}

/** An entry as it came. */
export interface RawEntry {
  /** Who logged it; the same object for all entries of a stream. */
  readonly source: AccessLogSource;
  /** Which message it is. */
  readonly kind: EntryKind;
  /** The encoded HTTPAccessLogEntry or TCPAccessLogEntry. */
  readonly bytes: Uint8Array;
}

const httpCodec = messageCodec("envoy.data.accesslog.v3.HTTPAccessLogEntry");
const tcpCodec = messageCodec("envoy.data.accesslog.v3.TCPAccessLogEntry");

/** Returns the fields of an entry. @throws DecodeError */
export function lineOf({ source: { node, log }, kind, bytes }: RawEntry): AccessLogLine {
  const origin = { node: node.id, cluster: node.cluster, log };
  return kind === "http"
    ? httpLine(httpCodec.decode(bytes), origin)
    : tcpLine(tcpCodec.decode(bytes), origin);
}
