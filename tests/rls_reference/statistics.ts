// SPDX-License-Identifier: Apache-2.0
/**
 * What a service counted, under the names of the reference: the reference sends it to statsd, Denvoy
 * shows it at `/stats`.
 * @module
 */
import { TextLineStream } from "@denvoy/tools/text_lines";

/** Counters above 0 by name. */
export type Statistics = ReadonlyMap<string, number>;

const counted = /^ratelimit\.service\.(?:rate_limit\.|global_shadow_mode)/;

/** Receives what the reference sends. Disposing it stops it, after the reference. */
export class StatsdListener implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #counters = new Map<string, number>();
  readonly #receiving: Promise<void> = this.#receive();

  /** Its TCP port on loopback. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** What was received so far. */
  get statistics(): Statistics {
    return this.#counters;
  }

  /** Stops listening; what is connected must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#receiving;
  }

  async #receive(): Promise<void> {
    const connections: Promise<void>[] = [];
    for await (const connection of this.#listener) connections.push(this.#read(connection));
    await Promise.all(connections);
  }

  async #read(connection: Deno.Conn): Promise<void> {
    const text = connection.readable.pipeThrough(new TextDecoderStream());
    for await (const line of text.pipeThrough(new TextLineStream())) {
      const [, name = "", value = ""] = /^(.*):(\d+)\|c/.exec(line) ?? [];
      if (!counted.test(name) || Number(value) === 0) continue;
      this.#counters.set(name, (this.#counters.get(name) ?? 0) + Number(value));
    }
  }
}

/** Returns what Denvoy shows. */
export async function denvoyStatistics(httpUrl: string): Promise<Statistics> {
  const text = await (await fetch(`${httpUrl}/stats`)).text();
  const rows = text.split("\n").map((line) => line.split(": "));
  return new Map(
    rows.map(([name = "", value]) => [name, Number(value)] as const)
      .filter(([name, value]) => counted.test(name) && value > 0),
  );
}
