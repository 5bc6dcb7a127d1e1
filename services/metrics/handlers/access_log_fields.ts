// SPDX-License-Identifier: Apache-2.0
/**
 * Which fields of access logs go straight from the wire into a line, and in which form: all that
 * entries usually have. Names are those of domain/access_log_line.ts, which writes all others.
 * @module
 */
import {
  AccessLogType,
  HTTPAccessLogEntry_HTTPVersion,
  RequestMethod,
  TLSProperties_TLSVersion,
} from "@denvoy/proto/messages";
import { messageCodec } from "@denvoy/proto";
import { responseFlagNumbers } from "../domain/access_log_line.ts";
import { utf8 } from "./json_bytes.ts";

/** How the value of a field is written; `elsewhere` is what the head of the line has. */
export type FieldForm =
  | "text"
  | "number"
  | "flag"
  | "wrapped_number"
  | "milliseconds"
  | "address"
  | "word"
  | "texts"
  | "response_flags"
  | "object"
  | "names"
  | "elsewhere";

/** A field that goes straight into a line. */
export interface DirectField {
  /** Number and wire type, as they are on the wire. */
  readonly tag: number;
  /** How it is written. */
  readonly form: FieldForm;
  /** `,"name":` */
  readonly key: Uint8Array;
  /** JSON of the words by number, of a field with form `word` or `response_flags`. */
  readonly words: readonly (Uint8Array | undefined)[];
  /** The fields of what it holds by number, of a field with form `object`. */
  readonly fields: DirectFields;
}

/** Direct fields by number. */
export type DirectFields = readonly (DirectField | undefined)[];

/** A message whose fields are fields of a line. */
export interface LineMessage {
  /** Its direct fields, by number. */
  readonly fields: DirectFields;
  /** Decodes all of it, or some of its fields. */
  readonly decode: (bytes: Uint8Array) => object;
}

/** Field number of `AccessLogCommon.start_time`. */
export const START_TIME = 5;

/** What a field with form `word` or `response_flags`, or `object`, takes besides. */
type Within = Readonly<Record<string, number>> | DirectFields;
type Fields = Readonly<Record<number, readonly [name: string, form: FieldForm, within?: Within]>>;

const certificateFields = directFields({
  1: ["names", "names"],
  2: ["subject", "text"],
  3: ["issuer", "text"],
});

const tlsFields = directFields({
  1: ["version", "word", TLSProperties_TLSVersion],
  2: ["cipher_suite", "wrapped_number"],
  3: ["sni", "text"],
  4: ["local_certificate", "object", certificateFields],
  5: ["peer_certificate", "object", certificateFields],
  6: ["session_id", "text"],
  7: ["ja3", "text"],
});

/** `AccessLogCommon`. */
export const commonMessage: LineMessage = {
  fields: directFields({
    2: ["downstream_remote_address", "address"],
    3: ["downstream_local_address", "address"],
    4: ["tls", "object", tlsFields],
    [START_TIME]: ["time", "elsewhere"],
    6: ["time_to_last_rx_byte_ms", "milliseconds"],
    7: ["time_to_first_upstream_tx_byte_ms", "milliseconds"],
    8: ["time_to_last_upstream_tx_byte_ms", "milliseconds"],
    9: ["time_to_first_upstream_rx_byte_ms", "milliseconds"],
    10: ["time_to_last_upstream_rx_byte_ms", "milliseconds"],
    11: ["time_to_first_downstream_tx_byte_ms", "milliseconds"],
    12: ["time_to_last_downstream_tx_byte_ms", "milliseconds"],
    13: ["upstream_remote_address", "address"],
    14: ["upstream_local_address", "address"],
    15: ["upstream_cluster", "text"],
    16: ["response_flags", "response_flags", responseFlagNumbers],
    18: ["upstream_transport_failure_reason", "text"],
    19: ["route_name", "text"],
    20: ["downstream_direct_remote_address", "address"],
    22: ["custom_tags", "texts"],
    23: ["duration_ms", "milliseconds"],
    24: ["upstream_request_attempt_count", "number"],
    25: ["connection_termination_details", "text"],
    26: ["stream_id", "text"],
    27: ["intermediate_log_entry", "flag"],
    28: ["downstream_transport_failure_reason", "text"],
    29: ["downstream_wire_bytes_sent", "number"],
    30: ["downstream_wire_bytes_received", "number"],
    31: ["upstream_wire_bytes_sent", "number"],
    32: ["upstream_wire_bytes_received", "number"],
    33: ["access_log_type", "word", AccessLogType],
  }),
  decode: messageCodec("envoy.data.accesslog.v3.AccessLogCommon").decode,
};

/** `HTTPRequestProperties`. */
export const requestMessage: LineMessage = {
  fields: directFields({
    1: ["method", "word", RequestMethod],
    2: ["scheme", "text"],
    3: ["authority", "text"],
    4: ["port", "wrapped_number"],
    5: ["path", "text"],
    6: ["user_agent", "text"],
    7: ["referer", "text"],
    8: ["forwarded_for", "text"],
    9: ["request_id", "text"],
    10: ["original_path", "text"],
    11: ["request_headers_bytes", "number"],
    12: ["request_body_bytes", "number"],
    13: ["request_headers", "texts"],
    14: ["upstream_header_bytes_sent", "number"],
    15: ["downstream_header_bytes_received", "number"],
  }),
  decode: messageCodec("envoy.data.accesslog.v3.HTTPRequestProperties").decode,
};

/** `HTTPResponseProperties`. */
export const responseMessage: LineMessage = {
  fields: directFields({
    1: ["status", "wrapped_number"],
    2: ["response_headers_bytes", "number"],
    3: ["response_body_bytes", "number"],
    4: ["response_headers", "texts"],
    5: ["response_trailers", "texts"],
    6: ["response_code_details", "text"],
    7: ["upstream_header_bytes_received", "number"],
    8: ["downstream_header_bytes_sent", "number"],
  }),
  decode: messageCodec("envoy.data.accesslog.v3.HTTPResponseProperties").decode,
};

/** `ConnectionProperties`. */
export const connectionMessage: LineMessage = {
  fields: directFields({ 1: ["received_bytes", "number"], 2: ["sent_bytes", "number"] }),
  decode: messageCodec("envoy.data.accesslog.v3.ConnectionProperties").decode,
};

/** `HTTPAccessLogEntry.protocol_version`. */
export const protocolField: DirectField = directField(2, [
  "protocol",
  "word",
  HTTPAccessLogEntry_HTTPVersion,
]);

function directFields(fields: Fields): DirectFields {
  const direct: (DirectField | undefined)[] = [];
  for (const [text, field] of Object.entries(fields)) {
    direct[Number(text)] = directField(Number(text), field);
  }
  return Array.from(direct);
}

function directField(number: number, [name, form, within = {}]: Fields[number]): DirectField {
  const isVarint = form === "number" || form === "flag" || form === "word";
  return {
    tag: number << 3 | (isVarint ? 0 : 2),
    form,
    key: utf8(`,"${name}":`),
    words: isFields(within) ? [] : wordsByNumber(within),
    fields: isFields(within) ? within : [],
  };
}

function isFields(within: Within): within is DirectFields {
  return Array.isArray(within);
}

function wordsByNumber(words: Readonly<Record<string, number>>): DirectField["words"] {
  const byNumber: (Uint8Array | undefined)[] = [];
  for (const [word, number] of Object.entries(words)) byNumber[number] = utf8(`"${word}"`);
  return Array.from(byNumber);
}
