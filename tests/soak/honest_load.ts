// SPDX-License-Identifier: Apache-2.0
/**
 * Calls that must succeed whatever other peers do: unary ones and streams, on connections that stay
 * and on new ones. A process of its own, which attackers cannot hold up: its first line of input
 * starts it with addresses, the second one stops it; each is answered with a line of JSON.
 * @module
 */
import { TextLineStream } from "../../tools/text_lines.ts";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { bidiEcho, clientTls, collect, unaryEcho } from "@denvoy/grpc/testing";

/** Where the server is. */
export interface SoakAddresses {
  /** `host:port` of cleartext. */
  readonly plain: string;
  /** `host:port` of TLS. */
  readonly secure: string;
}

const timeoutMs = 20_000;
const pauseMs = 5;
const messages = ["a", "b".repeat(1_000), "c".repeat(50_000)];

/** What became of the calls. */
export interface HonestReport {
  /** How long each call took, in ms. */
  readonly took: readonly number[];
  /** Why calls failed. */
  readonly failures: readonly string[];
}

/** Calls until it is stopped. */
class HonestLoad {
  readonly took: number[] = [];
  readonly failures: string[] = [];
  readonly #addresses: SoakAddresses;
  #stopped = false;

  constructor(addresses: SoakAddresses) {
    this.#addresses = addresses;
  }

  async run(): Promise<void> {
    const { plain, secure } = this.#addresses;
    await Promise.all([
      this.#onOneConnection({ address: plain }),
      this.#onOneConnection({ address: secure, tls: clientTls() }),
      this.#onNewConnections({ address: plain }),
      this.#onNewConnections({ address: secure, tls: clientTls() }),
    ]);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #onOneConnection(options: Parameters<typeof connectGrpc>[0]): Promise<void> {
    await using client = connectGrpc(options);
    while (!this.#stopped) await this.#callBothWays(client);
  }

  async #onNewConnections(options: Parameters<typeof connectGrpc>[0]): Promise<void> {
    while (!this.#stopped) {
      await using client = connectGrpc(options);
      await this.#callBothWays(client);
    }
  }

  async #callBothWays(client: GrpcClient): Promise<void> {
    await this.#measure(async () => {
      const [text = ""] = messages;
      expect(await client.unary(unaryEcho, text, { timeoutMs }), text);
    });
    await this.#measure(async () => {
      const echoed = await collect(client.bidiStream(bidiEcho, messages, { timeoutMs }));
      expect(echoed.join(), messages.join());
    });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  async #measure(call: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await call();
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error));
    }
    this.took.push(performance.now() - start);
  }
}

function expect(found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`cannot take answer as it must be the request's text`);
}

async function say(line: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let sent = 0; sent < bytes.length;) sent += await Deno.stdout.write(bytes.subarray(sent));
}

async function main(): Promise<void> {
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  const lines = text.pipeThrough(new TextLineStream()).getReader();
  const load = new HonestLoad(JSON.parse((await lines.read()).value ?? "{}"));
  const ended = load.run();
  await say("started");
  await lines.read();
  load.stop();
  await ended;
  const { took, failures } = load;
  const report: HonestReport = { took, failures };
  await say(report);
  await lines.cancel();
}

if (import.meta.main) await main();
