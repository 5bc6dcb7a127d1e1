// SPDX-License-Identifier: Apache-2.0
/**
 * A server in place of hds, for what Envoy does whatever hds thinks of it.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { type BidiStreamHandler, type GrpcServer, implement, serveGrpc } from "@denvoy/grpc";
import { type Init, messageCodec, serviceMethods } from "@denvoy/proto";
import type {
  ClusterHealthCheck,
  HealthCheckRequestOrEndpointHealthResponse as Message,
  HealthCheckSpecifier,
} from "@denvoy/proto/messages";

const { StreamHealthCheck } = serviceMethods("envoy.service.health.v3.HealthDiscoveryService");
const specifiers = messageCodec("envoy.service.health.v3.HealthCheckSpecifier");

/** A server that keeps what it is told, and says what the test says. */
export class ScriptedServer implements AsyncDisposable {
  /** Messages by stream, in order. */
  readonly streams: Message[][] = [];
  readonly #queues: HealthCheckSpecifier[][] = [];
  #server: GrpcServer | undefined;
  #wake: () => void = () => {};
  #hangUps = 0;

  /** Starts it on a free port. */
  static async start(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    const serve: BidiStreamHandler<Message, HealthCheckSpecifier> = (requests, { signal }) =>
      scripted.#serve(requests, signal);
    scripted.#server = await serveGrpc({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      methods: [implement(StreamHealthCheck, serve)],
      logger: silentLogger,
    });
    return scripted;
  }

  /** Its `host:port`. */
  get address(): string {
    return this.#server?.address ?? "";
  }

  /** Messages of the newest stream. */
  get said(): readonly Message[] {
    return this.streams.at(-1) ?? [];
  }

  /** Sends a specifier of these clusters, to be reported on every 200 ms, on the newest stream. */
  send(...clusterHealthChecks: readonly Init<ClusterHealthCheck>[]): void {
    const message = { interval: { nanos: 200_000_000 }, clusterHealthChecks };
    this.#queues.at(-1)?.push(specifiers.decode(specifiers.encode(message)));
    this.#wake();
  }

  /** Ends the stream. */
  hangUp(): void {
    this.#hangUps++;
    this.#wake();
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.drain(0);
  }

  async *#serve(
    requests: AsyncIterable<Message>,
    signal: AbortSignal,
  ): AsyncGenerator<HealthCheckSpecifier> {
    const said: Message[] = [];
    const queue: HealthCheckSpecifier[] = [];
    this.streams.push(said);
    this.#queues.push(queue);
    const hangUps = this.#hangUps;
    void this.#read(requests, said);
    signal.addEventListener("abort", () => this.#wake());
    while (!signal.aborted && this.#hangUps === hangUps) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async #read(requests: AsyncIterable<Message>, said: Message[]): Promise<void> {
    try {
      for await (const message of requests) said.push(message);
    } catch {
      // The stream is over: what it said is there.
    }
  }
}

/** What a report says of a cluster, in order of its endpoints; undefined when it does not. */
export function statuses(
  message: Message | undefined,
  cluster: string,
): readonly number[] | undefined {
  return message?.endpointHealthResponse?.clusterEndpointsHealth
    .find(({ clusterName }) => clusterName === cluster)?.localityEndpointsHealth
    .flatMap(({ endpointsHealth }) => endpointsHealth.map(({ healthStatus }) => healthStatus));
}
