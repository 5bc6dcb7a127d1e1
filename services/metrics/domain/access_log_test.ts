// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import { readAccessLogFilter, Sampler } from "./access_log_filter.ts";
import { httpLine, tcpLine } from "./access_log_line.ts";

const origin = { node: "edge-1", cluster: "edge", log: "main" };
const http = messageCodec("envoy.data.accesslog.v3.HTTPAccessLogEntry");
const tcp = messageCodec("envoy.data.accesslog.v3.TCPAccessLogEntry");

function address(ip: string, portValue: number) {
  return { socketAddress: { address: ip, portValue } };
}

const common = {
  sampleRate: 0.5,
  downstreamRemoteAddress: address("10.0.0.1", 4000),
  upstreamRemoteAddress: address("::1", 80),
  tlsProperties: {
    tlsVersion: 4,
    tlsSniHostname: "shop.test",
    peerCertificateProperties: { subject: "CN=a", subjectAltName: [{ uri: "spiffe://a" }] },
  },
  startTime: { seconds: 1_767_225_600, nanos: 5_000_000 },
  timeToFirstUpstreamTxByte: { seconds: 0, nanos: 1_500_000 },
  duration: { seconds: 1, nanos: 250_000_000 },
  upstreamCluster: "shop",
  responseFlags: { upstreamConnectionFailure: true, unauthorizedDetails: { reason: 1 } },
  metadata: {
    filterMetadata: { f: { fields: { a: { numberValue: 1 }, b: { stringValue: "x" } } } },
  },
  filterStateObjects: { s: { typeUrl: "type.googleapis.com/x.Y", value: new Uint8Array([1, 2]) } },
  customTags: { tag: "v" },
  routeName: "r",
  accessLogType: 6,
};

const commonLine = {
  sample_rate: 0.5,
  downstream_remote_address: "10.0.0.1:4000",
  upstream_remote_address: "[::1]:80",
  tls: {
    version: "TLSv1_3",
    sni: "shop.test",
    peer_certificate: { subject: "CN=a", names: ["spiffe://a"] },
  },
  time_to_first_upstream_tx_byte_ms: 1.5,
  duration_ms: 1250,
  upstream_cluster: "shop",
  response_flags: ["UF", "UAEX"],
  unauthorized_reason: "EXTERNAL_SERVICE",
  metadata: { f: { a: 1, b: "x" } },
  filter_state_objects: { s: { type: "type.googleapis.com/x.Y", value: "AQI=" } },
  custom_tags: { tag: "v" },
  route_name: "r",
  access_log_type: "DownstreamEnd",
};

const head = { time: "2026-01-01T00:00:00.005Z", ...origin };

Deno.test("httpLine() holds every field that is set", () => {
  const bytes = http.encode({
    commonProperties: common,
    protocolVersion: 3,
    request: {
      requestMethod: 3,
      scheme: "https",
      path: "/x",
      port: { value: 443 },
      userAgent: "curl",
      requestHeaders: { "x-a": "1" },
      requestBodyBytes: 7,
    },
    response: {
      responseCode: { value: 503 },
      responseCodeDetails: "via_upstream",
      responseTrailers: { t: "1" },
      downstreamHeaderBytesSent: 9,
    },
  });
  assert.deepEqual(httpLine(http.decode(bytes), origin), {
    ...head,
    kind: "http",
    protocol: "HTTP2",
    method: "POST",
    port: 443,
    scheme: "https",
    path: "/x",
    user_agent: "curl",
    request_body_bytes: 7,
    request_headers: { "x-a": "1" },
    status: 503,
    response_code_details: "via_upstream",
    downstream_header_bytes_sent: 9,
    response_trailers: { t: "1" },
    ...commonLine,
  });
});

Deno.test("tcpLine() holds every field that is set", () => {
  const bytes = tcp.encode({
    commonProperties: common,
    connectionProperties: { receivedBytes: 5, sentBytes: 6 },
  });
  const line = { ...head, kind: "tcp", received_bytes: 5, sent_bytes: 6, ...commonLine };
  assert.deepEqual(tcpLine(tcp.decode(bytes), origin), line);
});

Deno.test("lines of empty entries, and of times that are none, are lines", () => {
  assert.deepEqual(httpLine(http.decode(new Uint8Array()), origin), { kind: "http", ...origin });
  const startTime = { seconds: 1e15, nanos: 0 };
  const bytes = tcp.encode({ commonProperties: { startTime } });
  assert.deepEqual(tcpLine(tcp.decode(bytes), origin), { kind: "tcp", ...origin });
});

const line = { ...commonLine, kind: "http", status: 503, request_headers: { "x-a": "1" } };
const conditions: Readonly<Record<string, boolean>> = {
  "status>=500": true,
  "status>503": false,
  "status<=503&duration_ms>1000": true,
  "status>=500&duration_ms>2000": false,
  "upstream_cluster=sh*": true,
  "upstream_cluster!=shop": false,
  "response_flags=UF": true,
  "response_flags=UO": false,
  "request_headers.x-a=1": true,
  "tls.sni=*.test": true,
  "absent=": true,
  "absent>0": false,
  "route_name < 3": false,
};

for (const [text, wanted] of Object.entries(conditions)) {
  Deno.test(`the condition ${text} is ${wanted}`, () => {
    const read = readAccessLogFilter(text);
    assert.ok(read.ok);
    assert.equal(read.value.matches(line), wanted);
  });
}

Deno.test("conditions that make no sense are refused", () => {
  for (const text of ["status", "status>=many", "", "a=b&", "=x"]) {
    assert.equal(readAccessLogFilter(text).ok, false, text);
  }
});

Deno.test("Sampler takes an even share", () => {
  for (const [share, wanted] of [[0, 0], [0.25, 25], [1, 100]] as const) {
    const sampler = new Sampler(share);
    const taken = Array.from({ length: 100 }, () => sampler.next()).filter(Boolean);
    assert.equal(taken.length, wanted);
  }
});
