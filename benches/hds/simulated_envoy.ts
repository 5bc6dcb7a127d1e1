// SPDX-License-Identifier: Apache-2.0
/**
 * An Envoy as hds sees it: a stream that says who it is, takes specifiers and reports. Its reports are
 * bytes made in advance, so that the process that holds a hundred of them costs little.
 * @module
 */
import { type Bytes, joinBytes } from "@denvoy/base";
import { connectGrpc, type GrpcClient, type MethodDefinition, rawCodec } from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type { HealthCheckSpecifier } from "@denvoy/proto/messages";

const messages = messageCodec("envoy.service.health.v3.HealthCheckRequestOrEndpointHealthResponse");
const specifiers = messageCodec("envoy.service.health.v3.HealthCheckSpecifier");

const method: MethodDefinition<Bytes, Bytes> = {
  service: "envoy.service.health.v3.HealthDiscoveryService",
  method: "StreamHealthCheck",
  kind: "bidi-stream",
  request: rawCodec,
  response: rawCodec,
};

/** A simulated Envoy. Disposing it closes its connection. */
export class SimulatedEnvoy implements AsyncDisposable {
  readonly #client: GrpcClient;
  readonly #queue: Bytes[] = [];
  readonly #reading: Promise<void>;
  #wake: () => void = () => {};
  #taken: () => void = () => {};
  #ended = false;
  /** Addresses that it is to check, in order, by `address:port`. */
  assigned: readonly string[] = [];

  /** Connects and says who it is. */
  constructor(id: string, server: string) {
    this.#client = connectGrpc({ address: server });
    this.#queue.push(messages.encode({
      healthCheckRequest: {
        node: { id, cluster: "bench" },
        capability: { healthCheckProtocols: [0, 1] },
      },
    }));
    this.#reading = this.#read();
  }

  /** Sends a message; resolves when the transport has taken it. */
  async send(message: Uint8Array): Promise<void> {
    this.#queue.push(message);
    this.#wake();
    await new Promise<void>((resolve) => this.#taken = resolve);
  }

  /** Ends the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#wake();
    await this.#client.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      for await (const bytes of this.#client.bidiStream(method, this.#outgoing())) {
        this.assigned = addressesIn(specifiers.decode(joinBytes(bytes)));
      }
    } catch (error) {
      if (!this.#ended) throw error;
    }
  }

  async *#outgoing(): AsyncGenerator<Bytes> {
    while (!this.#ended) {
      const next = this.#queue.shift();
      if (next === undefined) {
        this.#taken();
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else yield next;
    }
  }
}

/** Returns a report in both forms, as Envoy 1.40 sends it; `failing` are indices of endpoints. */
export function reportOf(
  addresses: readonly string[],
  failing: ReadonlySet<number> = new Set(),
): Uint8Array {
  const endpointsHealth = addresses.map((address, index) => {
    const [host = "", port] = address.split(":");
    const socketAddress = { address: host, portValue: Number(port) };
    return { endpoint: { address: { socketAddress } }, healthStatus: failing.has(index) ? 2 : 1 };
  });
  const localityEndpointsHealth = [{ locality: {}, endpointsHealth }];
  const clusterEndpointsHealth = [{ clusterName: "web", localityEndpointsHealth }];
  return messages.encode({ endpointHealthResponse: { endpointsHealth, clusterEndpointsHealth } });
}

function addressesIn({ clusterHealthChecks }: HealthCheckSpecifier): readonly string[] {
  return clusterHealthChecks.flatMap(({ localityEndpoints }) =>
    localityEndpoints.flatMap(({ endpoints }) =>
      endpoints.map(({ address }) => {
        const socket = address?.socketAddress;
        return `${socket?.address}:${socket?.portValue}`;
      })
    )
  );
}
