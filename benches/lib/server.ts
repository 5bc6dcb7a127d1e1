// SPDX-License-Identifier: Apache-2.0
/**
 * A server under measurement: a process of its own that says in a line of JSON where it listens
 * (`grpc`, `http`) and answers `/readyz` when it serves.
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
  /** Longest time from its start until it is ready. @default 600000 */
  readonly withinMs?: number;
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
      const addresses = await untilReady(child, begin + (options.withinMs ?? defaultWithinMs));
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

interface Addresses {
  readonly grpcAddress: string;
  readonly httpAddress: string;
}

interface Started {
  readonly addresses: Addresses;
  readonly loadMs: number;
}

async function untilReady(child: Child, deadline: number): Promise<Addresses> {
  let addresses: Addresses | undefined;
  while (performance.now() < deadline) {
    assertRunning(child);
    addresses ??= findAddresses(child.lines);
    if (addresses !== undefined && await isReady(addresses.httpAddress)) return addresses;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`${child.name} was not ready in time\n${child.lastWords()}`);
}

function assertRunning(child: Child): void {
  if (child.exit === undefined) return;
  throw new Error(`${child.name} ended with code ${child.exit.code}\n${child.lastWords()}`);
}

/** Returns the addresses from the first line of JSON that has both; undefined while none has. */
export function findAddresses(lines: readonly string[]): Addresses | undefined {
  for (const line of lines) {
    const grpcAddress = /"grpc":"([^"]+)"/.exec(line)?.[1];
    const httpAddress = /"http":"([^"]+)"/.exec(line)?.[1];
    if (grpcAddress !== undefined && httpAddress !== undefined) return { grpcAddress, httpAddress };
  }
  return undefined;
}

async function isReady(httpAddress: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${httpAddress}/readyz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
