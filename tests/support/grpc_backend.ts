// SPDX-License-Identifier: Apache-2.0
/**
 * A gRPC backend inside the test's process, for Envoy and proxyless gRPC clients to call.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { implement, type MethodDefinition, rawCodec, serveGrpc } from "@denvoy/grpc";
import type { Backend } from "./backend.ts";

/** The method that a gRPC backend answers: any bytes in, its name out, both without a schema. */
export const greetMethod: MethodDefinition<
  Uint8Array | readonly Uint8Array[],
  Uint8Array | readonly Uint8Array[]
> = {
  service: "denvoy.test.Greeter",
  method: "Greet",
  kind: "unary",
  request: rawCodec,
  response: rawCodec,
};

/** Starts a backend that answers {@linkcode greetMethod}, health and reflection. */
export async function startGrpcBackend(
  name: string,
  options: { readonly port?: number } = {},
): Promise<Backend> {
  let requests = 0;
  const greet = implement(greetMethod, () => {
    requests++;
    return new TextEncoder().encode(name);
  });
  const server = await serveGrpc({
    address: { kind: "tcp", hostname: "127.0.0.1", port: options.port ?? 0 },
    methods: [greet],
    logger: silentLogger,
  });
  return {
    name,
    port: Number(server.address.slice(server.address.lastIndexOf(":") + 1)),
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: () => server.drain(1_000),
  };
}
