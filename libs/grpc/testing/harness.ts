// SPDX-License-Identifier: Apache-2.0
/**
 * A server and a client for the length of one test, and waiting for conditions with a bound.
 * @module
 */
import { RecordingLogger } from "@denvoy/base/testing";
import { type ClientOptions, connectGrpc, type GrpcClient } from "../client.ts";
import type { GrpcServer, ServerAdapter, ServerOptions } from "../port.ts";

/** What a test works with. */
export interface Harness {
  /** The server under test. */
  readonly server: GrpcServer;
  /** A client of it. */
  readonly client: GrpcClient;
  /** What the server logged. */
  readonly logger: RecordingLogger;
}

/** How the server and the client of a test are made; what is left out is cleartext on loopback. */
export interface HarnessOptions extends Partial<Omit<ServerOptions, "logger">> {
  /** Keys of the client. */
  readonly client?: Partial<ClientOptions>;
}

/** Where tests listen. */
export const loopback: ServerOptions["address"] = {
  kind: "tcp",
  hostname: "127.0.0.1",
  port: 0,
};

/** Runs `body` with a server and a client, and closes both whatever happens. */
export async function withServer(
  adapter: ServerAdapter,
  options: HarnessOptions,
  body: (harness: Harness) => Promise<void>,
): Promise<void> {
  const logger = new RecordingLogger();
  const { client: clientOptions, ...serverOptions } = options;
  const server = await adapter({ address: loopback, methods: [], ...serverOptions, logger });
  const client = connectGrpc({ address: server.address, ...clientOptions });
  try {
    await body({ server, client, logger });
  } finally {
    await client.close();
    await server.drain(0);
  }
}

/** How long a condition may take on a busy machine before a test fails. */
export const patienceMs = 20_000;

/**
 * Waits until `condition` holds.
 *
 * @throws Error when it does not hold within {@linkcode patienceMs}; it names `what`.
 */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Resolves as `promise` does, or rejects after {@linkcode patienceMs} naming `what`. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`gave up waiting for ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** Splits `host:port` of a listening TCP server. */
export function hostAndPort(address: string): { hostname: string; port: number } {
  const split = address.lastIndexOf(":");
  return { hostname: address.slice(0, split), port: Number(address.slice(split + 1)) };
}
