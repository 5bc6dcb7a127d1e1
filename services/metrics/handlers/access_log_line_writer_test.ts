// SPDX-License-Identifier: Apache-2.0
// The line that is written straight from the wire against the one of domain/access_log_line.ts.
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { loadRegistry, messageCodec } from "@denvoy/proto";
import { RandomMessages } from "@denvoy/proto/testing";
import { testNode } from "../testing.ts";
import { lineOf, type RawEntry } from "./access_log_entry.ts";
import { AccessLogLineWriter } from "./access_log_line_writer.ts";

const source = { node: testNode('edge "1"'), log: "main" };
const http = messageCodec("envoy.data.accesslog.v3.HTTPAccessLogEntry");
const tcp = messageCodec("envoy.data.accesslog.v3.TCPAccessLogEntry");
const writer = new AccessLogLineWriter();

function written(entry: RawEntry): string {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(writer.write(entry));
  assert.ok(text.endsWith("}\n") && text.indexOf("\n") === text.length - 1, text);
  return text;
}

/** JSON of what JSON can hold: an entry may have infinite numbers. */
function assertSame(entry: RawEntry): void {
  const wanted = JSON.parse(JSON.stringify(lineOf(entry)));
  assert.deepEqual(JSON.parse(written(entry)), wanted, entry.bytes.toHex());
}

Deno.test("a line begins with time and source, then request, response and the rest by field number", () => {
  const bytes = http.encode({
    commonProperties: {
      tlsProperties: {
        tlsVersion: 4,
        peerCertificateProperties: { subjectAltName: [{ dns: "b" }] },
      },
      startTime: { seconds: 1_767_225_600, nanos: 5_900_000 },
      duration: { seconds: 0, nanos: 1_250_000 },
      upstreamRemoteAddress: { socketAddress: { address: "::1", portValue: 80 } },
      upstreamCluster: "shop",
      responseFlags: { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true },
    },
    protocolVersion: 2,
    request: { requestMethod: 1, path: "/ä", requestHeaders: { "x-a": "1", "x-b": "" } },
    response: { responseCode: { value: 503 } },
  });
  assert.equal(
    written({ source, kind: "http", bytes }),
    '{"time":"2026-01-01T00:00:00.005Z","kind":"http","node":"edge \\"1\\"","cluster":"edge",' +
      '"log":"main","protocol":"HTTP11","method":"GET","path":"/ä","request_headers":{"x-a":"1",' +
      '"x-b":""},"status":503,"tls":{"version":"TLSv1_3","peer_certificate":{"names":["b"]}},' +
      '"upstream_remote_address":"[::1]:80","upstream_cluster":"shop",' +
      '"response_flags":["UF","URX"],"duration_ms":1.25}\n',
  );
});

const random = new RandomMessages(loadRegistry(), 11);

for (const kind of ["http", "tcp"] as const) {
  const typeName = `envoy.data.accesslog.v3.${kind.toUpperCase()}AccessLogEntry`;
  Deno.test(`lines of random ${kind} entries are those of their values`, () => {
    for (let count = 0; count < 400; count++) {
      assertSame({ source, kind, bytes: random.bytes(typeName) });
    }
  });
}

const chance = new Chance(5);

/** Mostly small, with all lengths there are. */
function integer(): number {
  return Math.floor(2 ** (chance.fraction() * 53));
}

Deno.test("numbers, durations and times are written digit by digit as JSON has them", () => {
  for (let count = 0; count < 3_000; count++) {
    const nanos = Math.floor(10 ** (chance.fraction() * 9)) * 10 ** chance.below(4) % 1e9;
    const bytes = http.encode({
      commonProperties: {
        startTime: { seconds: Math.floor(10 ** (chance.fraction() * 12)), nanos },
        duration: { seconds: count % 3 === 0 ? chance.below(1e5) : 0, nanos },
        upstreamWireBytesSent: integer(),
        upstreamWireBytesReceived: integer(),
      },
    });
    assertSame({ source, kind: "http", bytes });
  }
});

const addresses = [
  { socketAddress: { address: "10.0.0.1", portValue: 80 } },
  { socketAddress: { address: "::1", portValue: 65_535 } },
  { socketAddress: { address: "::1" } },
  { socketAddress: { protocol: 1, address: 'fe80::1%"eth0"', portValue: 1 } },
  { socketAddress: { address: "" } },
  { socketAddress: { portValue: 9 } },
  { socketAddress: { address: "a", namedPort: "http" } },
  { socketAddress: { address: "a", portValue: 7, resolverName: "r" } },
  { pipe: { path: "/run/x" } },
  { envoyInternalAddress: { serverListenerName: "inner", endpointId: "e" } },
  {},
];

Deno.test("addresses of each kind are written", () => {
  for (const address of addresses) {
    const bytes = tcp.encode({
      commonProperties: { upstreamRemoteAddress: address, downstreamLocalAddress: address },
    });
    assertSame({ source, kind: "tcp", bytes });
  }
});

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [value % 0x80 + 0x80, ...varint(Math.floor(value / 0x80))];
}

function number(field: number, value: number): readonly number[] {
  return [...varint(field * 8), ...varint(value)];
}

/** A field of bytes; a text is its UTF-8. */
function content(field: number, ...parts: readonly (string | readonly number[])[]) {
  const bytes = parts.flatMap((part) =>
    typeof part === "string" ? [...new TextEncoder().encode(part)] : part
  );
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
}

const COMMON = 1;
const REQUEST = 3;
const RESPONSE = 4;
const PATH = 5;
const HEADERS = 13;
const CLUSTER = 15;
const DURATION = 23;

function header(key: string, value: string): readonly number[] {
  return content(HEADERS, content(1, key), content(2, value));
}

/** What no Envoy sends, but whoever speaks protobuf may. */
const unusual: Readonly<Record<string, readonly (readonly number[])[]>> = {
  "nothing": [],
  "messages out of order": [content(REQUEST, content(PATH, "/")), content(COMMON)],
  "a message in two parts": [
    content(REQUEST, content(PATH, "/")),
    content(REQUEST, content(2, "http")),
  ],
  "fields out of order": [content(COMMON, content(19, "r"), content(CLUSTER, "c"))],
  "a field that is there twice": [content(REQUEST, content(PATH, "/a"), content(PATH, "/b"))],
  "a map entry without key and value": [content(REQUEST, content(HEADERS), header("a", "b"))],
  "a map entry with its value first": [
    content(REQUEST, content(HEADERS, content(2, "v"), content(1, "k"))),
  ],
  "map entries apart": [
    content(REQUEST, header("a", "b"), number(14, 7), header("c", "d"), header("a", "e")),
  ],
  "fields that nobody knows": [
    content(COMMON, content(CLUSTER, "c"), content(1000, "x"), number(1001, 3)),
    content(9, "x"),
  ],
  "text that is no UTF-8": [content(COMMON, content(CLUSTER, [0xff, 0x22, 0x61]))],
  "text with what JSON escapes": [content(REQUEST, content(PATH, '"\\\u0000\n\u007f\u2028ä😀'))],
  "a duration out of order": [content(COMMON, content(DURATION, number(2, 5), number(1, 6)))],
  "a negative duration": [
    content(COMMON, content(DURATION, [8, ...Array(9).fill(0xff), 1])),
  ],
  "nanoseconds of more than a second": [content(COMMON, content(DURATION, number(2, 2e9)))],
  "a time that is no date": [content(COMMON, content(5, number(1, 1e15)), content(CLUSTER, "c"))],
  "a number beyond 2^53": [content(REQUEST, number(12, 2 ** 60))],
  "numbers of enums that have no word": [number(2, 77), content(REQUEST, number(1, 88))],
  "flags that are false, and one with details": [
    content(COMMON, content(16, number(1, 1), number(2, 0), content(13, number(1, 1)))),
  ],
  "false flags only": [content(COMMON, content(16, number(1, 0)))],
  "TLS without anything": [content(COMMON, content(4, content(5)))],
  "TLS with what nobody knows": [content(COMMON, content(4, content(3, "sni"), number(99, 1)))],
  "names of a certificate that are empty or neither URI nor DNS": [
    content(COMMON, content(4, content(5, content(1), content(1, content(1)), content(2, "CN=a")))),
    content(REQUEST, content(PATH, "/")),
  ],
  "a name of a certificate that is both": [
    content(COMMON, content(4, content(4, content(1, content(1, "u"), content(2, "d"))))),
  ],
  "a wrapped number with more in it": [
    content(RESPONSE, content(1, number(1, 200), number(2, 1))),
    content(RESPONSE, content(1)),
  ],
};

for (const [what, fields] of Object.entries(unusual)) {
  Deno.test(`the line of an entry with ${what} is that of its values`, () => {
    assertSame({ source, kind: "http", bytes: Uint8Array.from(fields.flat()) });
  });
}

Deno.test("a line longer than any chunk is whole, and lines that were taken do not change", () => {
  const path = "/é".repeat(100_000);
  const long = http.encode({ request: { path } });
  const short = http.encode({ request: { path: "/" } });
  const before = writer.write({ source, kind: "http", bytes: short });
  const text = new TextDecoder().decode(before);
  assert.equal(JSON.parse(written({ source, kind: "http", bytes: long })).path, path);
  for (let count = 0; count < 2_000; count++) writer.write({ source, kind: "http", bytes: short });
  assert.equal(new TextDecoder().decode(before), text);
});

Deno.test("an entry that ends early is refused, and the next line is whole", () => {
  const bytes = http.encode({ request: { path: "/", requestHeaders: { a: "b" } } });
  for (let length = 1; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    if (isWhole(cut)) assertSame({ source, kind: "http", bytes: cut });
    else assert.throws(() => writer.write({ source, kind: "http", bytes: cut }));
  }
  assertSame({ source, kind: "http", bytes });
});

function isWhole(bytes: Uint8Array): boolean {
  try {
    http.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
