// SPDX-License-Identifier: Apache-2.0
/**
 * An access log entry as one flat, structured line: every field of the proto that is set, times in
 * milliseconds, addresses as `ip:port`, response flags by Envoy's short names.
 * @module
 */
import {
  AccessLogType,
  HTTPAccessLogEntry_HTTPVersion,
  RequestMethod,
  TLSProperties_TLSVersion,
} from "@denvoy/proto/messages";
import type { MessageOf } from "@denvoy/proto";
import { structJson } from "./struct_json.ts";

type HttpEntry = MessageOf<"envoy.data.accesslog.v3.HTTPAccessLogEntry">;
type TcpEntry = MessageOf<"envoy.data.accesslog.v3.TCPAccessLogEntry">;
type Common = NonNullable<HttpEntry["commonProperties"]>;
type Flags = NonNullable<Common["responseFlags"]>;
type Tls = NonNullable<Common["tlsProperties"]>;
type Certificate = NonNullable<Tls["peerCertificateProperties"]>;
type Duration = NonNullable<Common["duration"]>;
type Address = NonNullable<Common["upstreamRemoteAddress"]>;

/** A line: names are those of the proto, apart from units. */
export type AccessLogLine = Readonly<Record<string, unknown>>;

/** Who logged an entry, and where. */
export interface LogOrigin {
  /** `node.id`. */
  readonly node: string;
  /** `node.cluster`. */
  readonly cluster: string;
  /** `log_name`. */
  readonly log: string;
}

/** Envoy's short names of response flags (`%RESPONSE_FLAGS%`), by field number from 1. */
const flagNames: readonly (readonly [keyof Flags, string])[] = [
  ["failedLocalHealthcheck", "LH"],
  ["noHealthyUpstream", "UH"],
  ["upstreamRequestTimeout", "UT"],
  ["localReset", "LR"],
  ["upstreamRemoteReset", "UR"],
  ["upstreamConnectionFailure", "UF"],
  ["upstreamConnectionTermination", "UC"],
  ["upstreamOverflow", "UO"],
  ["noRouteFound", "NR"],
  ["delayInjected", "DI"],
  ["faultInjected", "FI"],
  ["rateLimited", "RL"],
  ["unauthorizedDetails", "UAEX"],
  ["rateLimitServiceError", "RLSE"],
  ["downstreamConnectionTermination", "DC"],
  ["upstreamRetryLimitExceeded", "URX"],
  ["streamIdleTimeout", "SI"],
  ["invalidEnvoyRequestHeaders", "IH"],
  ["downstreamProtocolError", "DPE"],
  ["upstreamMaxStreamDurationReached", "UMSDR"],
  ["responseFromCacheFilter", "RFCF"],
  ["noFilterConfigFound", "NFCF"],
  ["durationTimeout", "DT"],
  ["upstreamProtocolError", "UPE"],
  ["noClusterFound", "NC"],
  ["overloadManager", "OM"],
  ["dnsResolutionFailure", "DF"],
  ["downstreamRemoteReset", "DR"],
];

/**
 * Field numbers of response flags by their short names; without `UAEX`, which is no plain flag but says
 * more.
 */
export const responseFlagNumbers: Readonly<Record<string, number>> = Object.fromEntries(
  flagNames.map(([, name], at) => [name, at + 1]).filter(([name]) => name !== "UAEX"),
);

/** Returns the line of an HTTP request. */
export function httpLine(entry: HttpEntry, origin: LogOrigin): AccessLogLine {
  const { request, response, commonProperties, protocolVersion } = entry;
  const line = head("http", origin, commonProperties);
  add(line, "protocol", wordOf(HTTPAccessLogEntry_HTTPVersion, protocolVersion));
  if (request !== undefined) addFields(line, request);
  if (response !== undefined) addFields(line, response);
  if (commonProperties !== undefined) addFields(line, commonProperties);
  return line;
}

/** Returns the line of a TCP connection. */
export function tcpLine(entry: TcpEntry, origin: LogOrigin): AccessLogLine {
  const { connectionProperties, commonProperties } = entry;
  const line = head("tcp", origin, commonProperties);
  if (connectionProperties !== undefined) addFields(line, connectionProperties);
  if (commonProperties !== undefined) addFields(line, commonProperties);
  return line;
}

/**
 * Returns what the fields of `AccessLogCommon`, `HTTPRequestProperties`, `HTTPResponseProperties` or
 * `ConnectionProperties` are in a line, but for `time`.
 */
export function fieldsLine(message: object): AccessLogLine {
  const line: NewLine = {};
  addFields(line, message);
  return line;
}

/** A line while it is made. */
type NewLine = Record<string, unknown>;

function head(kind: "http" | "tcp", origin: LogOrigin, properties: Common | undefined): NewLine {
  const line: NewLine = {};
  const start = properties?.startTime;
  if (start !== undefined) add(line, "time", isoTime(start.seconds * 1000 + start.nanos / 1e6));
  line.kind = kind;
  add(line, "node", origin.node);
  add(line, "cluster", origin.cluster);
  add(line, "log", origin.log);
  return line;
}

/** A field that has its zero value was not set. */
function add(line: NewLine, name: string, value: unknown): void {
  if (!isEmpty(value)) line[name] = value;
}

interface FieldPlan {
  readonly name: string;
  readonly write: Write<unknown> | undefined;
}

/** How each field is written, worked out once for each name: this runs for every entry. */
const plans = new Map<string, FieldPlan>();

function planOf(key: string): FieldPlan {
  let plan = plans.get(key);
  if (plan === undefined) {
    const write = special[key as keyof Special] as FieldPlan["write"];
    plan = { name: names.get(key) ?? snake(key), write };
    plans.set(key, plan);
  }
  return plan;
}

function addFields(line: NewLine, message: object): void {
  const fields = message as Readonly<Record<string, unknown>>;
  for (const key in fields) {
    const value = fields[key];
    if (isEmpty(value)) continue;
    const { name, write } = planOf(key);
    if (write === undefined) line[name] = value;
    else write(line, value, name);
  }
}

/** Names that are shorter than those of the proto. */
const names: ReadonlyMap<string, string> = new Map([
  ["requestMethod", "method"],
  ["responseCode", "status"],
]);

/** Writes a field, as one or several of the line. Positional, as it runs for every field. */
type Write<V> = (line: NewLine, value: V, name: string) => void;
type Request = NonNullable<HttpEntry["request"]>;
type Response = NonNullable<HttpEntry["response"]>;
type AnyField = Required<Common & Request & Response>;
type Special = { readonly [K in keyof AnyField]?: Write<AnyField[K]> };

function writeAddress(line: NewLine, value: Address, name: string): void {
  add(line, name, addressText(value));
}

function writeNumber(line: NewLine, { value }: { readonly value: number }, name: string): void {
  add(line, name, value);
}

function writeMilliseconds(line: NewLine, { seconds, nanos }: Duration, name: string): void {
  add(line, `${name}_ms`, seconds * 1000 + nanos / 1e6);
}

const special: Special = {
  port: writeNumber,
  responseCode: writeNumber,
  requestMethod: (line, value, name) => add(line, name, wordOf(RequestMethod, value)),
  startTime: () => {},
  downstreamRemoteAddress: writeAddress,
  downstreamLocalAddress: writeAddress,
  downstreamDirectRemoteAddress: writeAddress,
  upstreamRemoteAddress: writeAddress,
  upstreamLocalAddress: writeAddress,
  timeToLastRxByte: writeMilliseconds,
  timeToFirstUpstreamTxByte: writeMilliseconds,
  timeToLastUpstreamTxByte: writeMilliseconds,
  timeToFirstUpstreamRxByte: writeMilliseconds,
  timeToLastUpstreamRxByte: writeMilliseconds,
  timeToFirstDownstreamTxByte: writeMilliseconds,
  timeToLastDownstreamTxByte: writeMilliseconds,
  duration: writeMilliseconds,
  responseFlags: (line, value) => addFlags(line, value),
  tlsProperties: (line, value) => add(line, "tls", tlsLine(value)),
  metadata(line, { filterMetadata, typedFilterMetadata }) {
    add(line, "metadata", mapValues(filterMetadata, structJson));
    add(line, "typed_metadata", mapValues(typedFilterMetadata, anyLine));
  },
  filterStateObjects: (line, value, name) => add(line, name, mapValues(value, anyLine)),
  accessLogType: (line, value, name) => add(line, name, wordOf(AccessLogType, value)),
};

function addFlags(line: NewLine, flags: Flags): void {
  add(line, "response_flags", flagNames.filter(([field]) => flags[field]).map(([, name]) => name));
  if (flags.unauthorizedDetails?.reason === 1) line.unauthorized_reason = "EXTERNAL_SERVICE";
}

function tlsLine(tls: Tls): AccessLogLine {
  return compact({
    version: wordOf(TLSProperties_TLSVersion, tls.tlsVersion),
    cipher_suite: tls.tlsCipherSuite?.value,
    sni: tls.tlsSniHostname,
    session_id: tls.tlsSessionId,
    ja3: tls.ja3Fingerprint,
    local_certificate: tls.localCertificateProperties &&
      certificateLine(tls.localCertificateProperties),
    peer_certificate: tls.peerCertificateProperties &&
      certificateLine(tls.peerCertificateProperties),
  });
}

function certificateLine({ subject, issuer, subjectAltName }: Certificate): AccessLogLine {
  const names = subjectAltName.map(({ uri, dns }) => uri ?? dns).filter((name) =>
    name !== undefined
  );
  return compact({ subject, issuer, names });
}

function addressText({ socketAddress, pipe, envoyInternalAddress }: Address): string | undefined {
  if (socketAddress === undefined) return pipe?.path ?? envoyInternalAddress?.serverListenerName;
  const { address, portValue = 0 } = socketAddress;
  return address.includes(":") ? `[${address}]:${portValue}` : `${address}:${portValue}`;
}

function anyLine({ typeUrl, value }: { readonly typeUrl: string; readonly value: Uint8Array }) {
  return { type: typeUrl, value: value.toBase64() };
}

function wordOf(words: Readonly<Record<string, number>>, number: number): unknown {
  if (number === 0) return undefined;
  for (const word in words) if (words[word] === number) return word;
  return number;
}

function mapValues<V>(map: Readonly<Record<string, V>>, change: (value: V) => unknown) {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isoTime(ms: number): string | undefined {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function compact(fields: AccessLogLine): AccessLogLine {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== "object") return !value;
  for (const _ in value) return false;
  return true;
}
