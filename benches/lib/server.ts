// SPDX-License-Identifier: Apache-2.0
/**
 * A server under measurement: a process of its own that says in a line of JSON where it listens
 * (`grpc`, `http`), unless that is known, and answers `/readyz` when it serves.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { type ProcessUsage, readProcessUsage } from "./process_usage.ts";

/** How to start a server. */
export interface ServerOptions {
  /** How messages call it. */
  readonly name: string;
  /** The program. */
  readonly command: string;
  /** Its arguments; addresses should end in `:0`. */
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens, of a server that does not say so. */
  readonly addresses?: ServerAddresses;
  /** Path on its HTTP port that answers 200 when it serves. @default /readyz */
  readonly readyPath?: string;
  /** Longest time from its start until it is ready. @default 600000 */
  readonly withinMs?: number;
}

/** Where a server listens, as `host:port`. */
export interface ServerAddresses {
  /** Its gRPC port. */
  readonly grpcAddress: string;
  /** Its HTTP port. */
  readonly httpAddress: string;
}

const defaultWithinMs = 600_000;
const pollMs = 5;
const endNoticeMs = 500;

/** A server that is ready. Disposing it stops it. */
export class Server implements AsyncDisposable {
  /** `host:port` of its gRPC port. */
  readonly grpcAddress: string;
  /** `http://host:port` of its HTTP port. */
  readonly httpUrl: string;
  /** From the start of the process until it was ready, in milliseconds. */
  readonly loadMs: number;
  readonly #child: Child;

  private constructor(child: Child, { addresses, loadMs }: Started) {
    this.#child = child;
    this.grpcAddress = addresses.grpcAddress;
    this.httpUrl = `http://${addresses.httpAddress}`;
    this.loadMs = loadMs;
  }

  /** Starts a server; throws with the end of its output when it exits or is not ready in time. */
  static async start(options: ServerOptions): Promise<Server> {
    const begin = performance.now();
    const child = Child.start(options);
    try {
      const addresses = await untilReady(child, options);
      return new Server(child, { addresses, loadMs: performance.now() - begin });
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  }

  /** What the process has used so far. */
  async usage(): Promise<ProcessUsage> {
    this.assertRunning();
    return await readProcessUsage(this.#child.pid);
  }

  /** How it is and the end of its output, for the message of a failure. */
  async lastWords(): Promise<string> {
    // A client notices the end of its connection before this process hears of the server's end.
    await new Promise((resolve) => setTimeout(resolve, endNoticeMs));
    const { exit, name } = this.#child;
    const state = exit === undefined ? "is still running" : `ended by ${exit.signal ?? exit.code}`;
    return `${name} ${state}, and said last:\n${this.#child.lastWords(20)}`;
  }

  /** Throws when the server has ended, which no server does by itself. */
  assertRunning(): void {
    assertRunning(this.#child);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}

interface Started {
  readonly addresses: ServerAddresses;
  readonly loadMs: number;
}

async function untilReady(child: Child, options: ServerOptions): Promise<ServerAddresses> {
  const { withinMs = defaultWithinMs, readyPath = "/readyz" } = options;
  const deadline = performance.now() + withinMs;
  let { addresses } = options;
  while (performance.now() < deadline) {
    assertRunning(child);
    addresses ??= findAddresses(child.lines);
    if (addresses !== undefined && await isReady(`${addresses.httpAddress}${readyPath}`)) {
      return addresses;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`${child.name} was not ready in time\n${child.lastWords()}`);
}

function assertRunning(child: Child): void {
  if (child.exit === undefined) return;
  throw new Error(`${child.name} ended with code ${child.exit.code}\n${child.lastWords()}`);
}

/** Returns the addresses from the first line of JSON that has both; undefined while none has. */
export function findAddresses(lines: readonly string[]): ServerAddresses | undefined {
  for (const line of lines) {
    const grpcAddress = /"grpc":"([^"]+)"/.exec(line)?.[1];
    const httpAddress = /"http":"([^"]+)"/.exec(line)?.[1];
    if (grpcAddress !== undefined && httpAddress !== undefined) return { grpcAddress, httpAddress };
  }
  return undefined;
}

async function isReady(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
