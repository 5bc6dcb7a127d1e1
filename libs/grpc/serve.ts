// SPDX-License-Identifier: Apache-2.0
/**
 * Picks the transport of a server by name.
 * @module
 */
import { serveGrpcJs } from "./grpc_js/serve.ts";
import { serveHttp2 } from "./http2/serve.ts";
import type { GrpcServer, ServerAdapter, ServerOptions } from "./port.ts";

/** Names of the transports, as the flag `--grpc-server` takes them. */
export type TransportName = "native" | "grpc-js";

const adapters: Readonly<Record<TransportName, ServerAdapter>> = {
  "native": serveHttp2,
  "grpc-js": serveGrpcJs,
};

/** The transport where none was asked for. */
export const defaultTransport: TransportName = "native";

/** All transports, for `--help` and for suites that run on each. */
export const transportNames: readonly TransportName[] = ["native", "grpc-js"];

/** What a server is made of, and on which transport. */
export interface ServeOptions extends ServerOptions {
  /** The transport. @default {@linkcode defaultTransport} */
  readonly transport?: TransportName;
}

/**
 * Starts a server; health and reflection are added to its methods.
 *
 * @throws Error when the address cannot be had, the TLS keys do not fit together, a limit is not a
 * positive integer, or two methods have one path.
 */
export function serveGrpc(options: ServeOptions): Promise<GrpcServer> {
  return adapters[options.transport ?? defaultTransport](options);
}
