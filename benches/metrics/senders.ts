// SPDX-License-Identifier: Apache-2.0
/**
 * The service as users start it, and simulated Envoys that hold a stream each.
 * @module
 */
import { type Bytes, joinBytes } from "@denvoy/base";
import { connectGrpc, type GrpcClient, rawCodec } from "@denvoy/grpc";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { join } from "node:path";
import { Server } from "../lib/server.ts";

/** Starts metrics with its state in a folder, and waits until it is ready. */
export async function startMetrics(folder: string, flags: readonly string[] = []): Promise<Server> {
  const dataDir = join(folder, "metrics");
  return await Server.start({
    name: "denvoy metrics",
    command: Deno.execPath(),
    args: serviceCommand("metrics", {
      access: { addresses: ["127.0.0.1:0"], dataDir },
      flags: [
        ...["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"],
        ...["--log-format", "json", "--data-dir", dataDir, ...flags],
      ],
    }),
  });
}

/** Which service streams go to. */
export type StreamKind = "metrics" | "accesslog";

const methods = {
  metrics: ["envoy.service.metrics.v3.MetricsService", "StreamMetrics"],
  accesslog: ["envoy.service.accesslog.v3.AccessLogService", "StreamAccessLogs"],
} as const;

/** One stream of a simulated Envoy; messages are taken one after the other, at the server's pace. */
export class Sender {
  readonly #queue: Uint8Array[] = [];
  #wake: () => void = () => {};
  #ended = false;

  /** Opens the stream. */
  constructor(client: GrpcClient, kind: StreamKind) {
    const [service, method] = methods[kind];
    const definition = {
      ...{ service, method, kind: "client-stream" as const },
      request: rawCodec,
      response: rawCodec,
    };
    client.clientStream<Bytes, Bytes>(definition, this.#messages()).catch(() => {});
  }

  /** Sends messages after those that wait. */
  send(...messages: readonly Uint8Array[]): void {
    this.#queue.push(...messages);
    this.#wake();
  }

  /** Ends the stream. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *#messages(): AsyncGenerator<Bytes> {
    while (!this.#ended) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** Returns a client of a server. */
export function connect(server: Server): GrpcClient {
  return connectGrpc({ address: server.grpcAddress });
}

/** Waits until a counter of the server is at least `wanted`. */
export async function untilCounted(server: Server, name: string, wanted: number): Promise<void> {
  const deadline = performance.now() + 600_000;
  while (performance.now() < deadline) {
    server.assertRunning();
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    const value = Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? 0);
    if (value >= wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${name} did not reach ${wanted}\n${await server.lastWords()}`);
}

/** Reads a response in a content coding to its end; returns its size, uncompressed. */
export async function drain(url: string, coding: "identity" | "gzip"): Promise<number> {
  const response = await fetch(url, { headers: { "accept-encoding": coding } });
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += joinBytes(chunk).length;
  return bytes;
}
