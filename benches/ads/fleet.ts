// SPDX-License-Identifier: Apache-2.0
/**
 * Many Delta ADS streams to one server, held by the Go program in benches/ads/load.
 * @module
 */
import { JsonProcess } from "../lib/json_process.ts";
import type { Server } from "../lib/server.ts";
import type { Change } from "./work.ts";

/** What a fleet looks like. */
export interface FleetShape {
  /** Streams, each on a connection of its own. */
  readonly streams: number;
  /** Clusters that each stream must get, and assignments. */
  readonly resources: number;
  /**
   * Bytes that a connection may have unread.
   * @default what Envoy 1.40 does: 16 MiB for a stream, 24 MiB for a connection
   */
  readonly windowBytes?: number;
  /** Streams that share a connection. @default 1 */
  readonly perConnection?: number;
  /** Names of secrets that streams ask sds for in turn, instead of clusters. */
  readonly secrets?: readonly string[];
}

/** What the load client reports; a list has an element for each wait. */
export interface FleetReport {
  /** Milliseconds until the last stream had everything. */
  readonly lastMs: readonly number[];
  /** Milliseconds until half of the streams had everything. */
  readonly medianMs: readonly number[];
  /** Responses that came. */
  readonly responses: number;
  /** CPU that the load client itself used. */
  readonly clientCpuSeconds: number;
}

/** The streams. Disposing the fleet closes them. */
export class Fleet implements AsyncDisposable {
  readonly #client: JsonProcess;
  readonly #server: Server;

  /** `program` is the built load client; no stream is opened yet. */
  constructor(program: string, server: Server, shape: FleetShape) {
    this.#server = server;
    this.#client = JsonProcess.start("load client", {
      command: program,
      args: [
        ...["--address", server.grpcAddress],
        ...["--streams", String(shape.streams), "--resources", String(shape.resources)],
        ...["--streams-per-connection", String(shape.perConnection ?? 1)],
        ...(shape.secrets === undefined ? [] : ["--secrets", shape.secrets.join(",")]),
        ...windowFlags(shape.windowBytes),
      ],
    });
  }

  /** Opens all streams and waits until each has every resource. */
  async start(): Promise<FleetReport> {
    return await this.#ask({ op: "start" });
  }

  /** Makes the changes one after another; waits for each until every stream has it. */
  async changes(
    changes: readonly Change[],
    { idleMs }: { readonly idleMs: number },
  ): Promise<FleetReport> {
    return await this.#ask({ op: "changes", changes, idleMs });
  }

  /** Makes the changes without a pause and waits until every stream has all of them. */
  async burst(changes: readonly Change[]): Promise<FleetReport> {
    return await this.#ask({ op: "burst", changes });
  }

  /** Closes all streams. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  async #ask(request: unknown): Promise<FleetReport> {
    try {
      return await this.#client.ask(request) as FleetReport;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}\n${await this.#server.lastWords()}`, { cause: error });
    }
  }
}

function windowFlags(windowBytes: number | undefined): readonly string[] {
  if (windowBytes === undefined) return [];
  const bytes = String(windowBytes);
  return ["--stream-window", bytes, "--connection-window", bytes];
}
