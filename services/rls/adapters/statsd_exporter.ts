// SPDX-License-Identifier: Apache-2.0
/**
 * Sends values to statsd at an interval, by TCP as envoyproxy/ratelimit does or by UDP. Nothing is
 * queued: what cannot be sent is part of the next attempt.
 * @module
 */
import { createSocket } from "node:dgram";
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { ReferenceStat } from "../domain/reference_stats.ts";
import { type StatsdLineOptions, StatsdLines } from "../domain/statsd_lines.ts";

/** Where statsd is. */
export interface StatsdAddress {
  /** Name or IP address. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
}

/** What an exporter works with. */
export interface StatsdExporterOptions extends StatsdLineOptions {
  /** Where statsd is. */
  readonly address: StatsdAddress;
  /** How it is reached. */
  readonly protocol: "tcp" | "udp";
  /** Milliseconds between two attempts. */
  readonly intervalMs: number;
  /** Returns what is to be sent. */
  readonly stats: () => readonly ReferenceStat[];
  /** Timers. */
  readonly clock: Pick<Clock, "after">;
  /** Where it is said that statsd is away, once, and that it is back. */
  readonly logger: Logger;
}

/** The longest time for one attempt. */
const SEND_MS = 2_000;
/** Bytes of one datagram, so that it is not taken apart on its way. */
const DATAGRAM_BYTES = 1_400;

/** Sends until it is disposed of, and once more then. */
export class StatsdExporter implements AsyncDisposable {
  readonly #options: StatsdExporterOptions;
  readonly #lines: StatsdLines;
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #failing = false;

  /** Begins. */
  constructor(options: StatsdExporterOptions) {
    this.#options = options;
    this.#lines = new StatsdLines(options);
    this.#arm();
  }

  /** Sends what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#sending;
    await this.flush();
  }

  #arm(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.after(intervalMs, () => {
      this.#sending = this.flush().finally(() => this.#arm());
    });
  }

  /** Sends now; what fails is logged, and sent with the next. Never rejects. */
  async flush(): Promise<void> {
    const { stats, protocol, address, logger } = this.#options;
    const values = stats();
    const lines = this.#lines.due(values);
    try {
      if (protocol === "tcp") await sendByTcp(address, lines);
      else await sendByUdp(address, lines);
      this.#lines.sent(values);
      if (this.#failing) logger.info("statsd can be reached again", { ...address });
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.warn("cannot send to statsd", { ...address, error });
      this.#failing = true;
    }
  }
}

/** A connection for each attempt: at an interval of seconds it costs less than to keep one whole. */
async function sendByTcp(address: StatsdAddress, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const signal = AbortSignal.timeout(SEND_MS);
  using connection = await Deno.connect({ ...address, signal });
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  try {
    let bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
    while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function sendByUdp(
  { hostname, port }: StatsdAddress,
  lines: readonly string[],
): Promise<void> {
  const socket = createSocket("udp4");
  try {
    for (const datagram of datagrams(lines)) {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.send(datagram, port, hostname, (error) => error ? reject(error) : resolve());
      });
    }
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function* datagrams(lines: readonly string[]): Generator<string> {
  let datagram = "";
  for (const line of lines) {
    if (datagram !== "" && datagram.length + line.length + 1 > DATAGRAM_BYTES) {
      yield datagram;
      datagram = "";
    }
    datagram += `${line}\n`;
  }
  if (datagram !== "") yield datagram;
}
