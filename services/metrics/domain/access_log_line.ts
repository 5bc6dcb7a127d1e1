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

/** Envoy's short names of response flags (`%RESPONSE_FLAGS%`). */
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
  readonly write: ((value: unknown, name: string) => Fields) | undefined;
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
    else for (const [field, written] of write(value, name)) add(line, field, written);
  }
}

/** Names that are shorter than those of the proto. */
const names: ReadonlyMap<string, string> = new Map([
  ["requestMethod", "method"],
  ["responseCode", "status"],
]);

type Fields = readonly (readonly [string, unknown])[];
type Request = NonNullable<HttpEntry["request"]>;
type Response = NonNullable<HttpEntry["response"]>;
type AnyField = Common & Request & Response;
type Special = { readonly [K in keyof AnyField]?: (value: AnyField[K], name: string) => Fields };

function asNumber(value: { readonly value: number } | undefined, name: string): Fields {
  return [[name, value?.value]];
}

function asAddress(value: Address | undefined, name: string): Fields {
  return [[name, value && addressText(value)]];
}

function asMilliseconds(
  value: { readonly seconds: number; readonly nanos: number } | undefined,
  name: string,
): Fields {
  return [[`${name}_ms`, value && value.seconds * 1000 + value.nanos / 1e6]];
}

const special: Special = {
  port: asNumber,
  responseCode: asNumber,
  requestMethod: (value, name) => [[name, wordOf(RequestMethod, value)]],
  startTime: () => [],
  downstreamRemoteAddress: asAddress,
  downstreamLocalAddress: asAddress,
  downstreamDirectRemoteAddress: asAddress,
  upstreamRemoteAddress: asAddress,
  upstreamLocalAddress: asAddress,
  timeToLastRxByte: asMilliseconds,
  timeToFirstUpstreamTxByte: asMilliseconds,
  timeToLastUpstreamTxByte: asMilliseconds,
  timeToFirstUpstreamRxByte: asMilliseconds,
  timeToLastUpstreamRxByte: asMilliseconds,
  timeToFirstDownstreamTxByte: asMilliseconds,
  timeToLastDownstreamTxByte: asMilliseconds,
  duration: asMilliseconds,
  responseFlags: (value) => flagFields(value),
  tlsProperties: (value) => [["tls", value && tlsLine(value)]],
  metadata: (value) => [
    ["metadata", value && mapValues(value.filterMetadata, structJson)],
    ["typed_metadata", value && mapValues(value.typedFilterMetadata, anyLine)],
  ],
  filterStateObjects: (value, name) => [[name, value && mapValues(value, anyLine)]],
  accessLogType: (value) => [["access_log_type", value && wordOf(AccessLogType, value)]],
};

function flagFields(flags: Flags | undefined): Fields {
  if (flags === undefined) return [];
  const names = flagNames.filter(([field]) => flags[field]).map(([, name]) => name);
  const reason = flags.unauthorizedDetails?.reason;
  return [
    ["response_flags", names],
    ["unauthorized_reason", reason === 1 ? "EXTERNAL_SERVICE" : undefined],
  ];
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

function wordOf(words: Readonly<Record<string, number>>, number: number | undefined): unknown {
  if (number === undefined || number === 0) return undefined;
  return Object.keys(words).find((word) => words[word] === number) ?? number;
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
