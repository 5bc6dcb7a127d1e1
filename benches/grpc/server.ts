// SPDX-License-Identifier: Apache-2.0
/**
 * Serves the methods of the gRPC bench on one of Denvoy's transports, messages as raw bytes.
 * @module
 */
import { type Bytes, joinBytes, silentLogger } from "@denvoy/base";
import {
  implement,
  type MethodKind,
  rawCodec,
  serveGrpc,
  type TlsMaterial,
  type TransportName,
  transportNames,
} from "@denvoy/grpc";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    "transport": { type: "string", default: "native" },
    "tls-cert": { type: "string" },
    "tls-key": { type: "string" },
    "push-bytes": { type: "string", default: "0" },
  },
});

function method(name: string, kind: MethodKind) {
  const service = "denvoy.bench.Bench";
  return { service, method: name, kind, request: rawCodec, response: rawCodec };
}

function methods(pushed: Bytes) {
  return [
    implement(method("unary", "unary"), (request: Bytes) => request),
    implement(method("bidi", "bidi-stream"), async function* (requests: AsyncIterable<Bytes>) {
      for await (const request of requests) yield request;
    }),
    implement(method("push", "server-stream"), async function* (request: Bytes) {
      const message = joinBytes(request);
      const count = new DataView(message.buffer, message.byteOffset).getUint32(0);
      for (let sent = 0; sent < count; sent++) yield pushed;
    }),
  ];
}

async function readKeys(): Promise<{ tls?: TlsMaterial }> {
  const { "tls-cert": certificate, "tls-key": key } = values;
  if (certificate === undefined || key === undefined) return {};
  const [certificateChain, privateKey] = await Promise.all([
    Deno.readTextFile(certificate),
    Deno.readTextFile(key),
  ]);
  return { tls: { certificateChain, privateKey } };
}

function transportOf(name: string): TransportName {
  const known = transportNames.find((transport) => transport === name);
  if (known === undefined) throw new Error(`cannot serve as the transport is unknown: ${name}`);
  return known;
}

const server = await serveGrpc({
  address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
  methods: methods(new Uint8Array(Number(values["push-bytes"]))),
  transport: transportOf(values.transport),
  logger: silentLogger,
  ...await readKeys(),
});
const ready = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
const { hostname, port } = ready.addr;
const addresses = { grpc: server.address, http: `${hostname}:${port}` };
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(addresses)}\n`));
