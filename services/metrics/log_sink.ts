// SPDX-License-Identifier: Apache-2.0
/**
 * Where lines of access logs go, each place at its own pace: a bounded queue before each sink, which
 * says when there is room again.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { AccessLogLine } from "./domain/access_log_line.ts";
import type { NodeInfo } from "./domain/node_info.ts";

/** A line, and who logged it. */
export interface LoggedLine {
  /** The Envoy. */
  readonly node: NodeInfo;
  /** What it logged. */
  readonly line: AccessLogLine;
}

/** A place for lines: as the bytes of JSON with the end of the line, or with what they hold. */
export interface LogSink<L extends Uint8Array | LoggedLine> extends AsyncDisposable {
  /** Its name: `stdout`, `file` or `otlp`. */
  readonly name: string;
  /** Writes lines; rejects when that failed. A second call comes after the first has ended. */
  write(lines: readonly L[]): Promise<void>;
}

/** What a queue works with. */
export interface LogQueueOptions<L extends Uint8Array | LoggedLine> {
  /** Where lines go. */
  readonly sink: LogSink<L>;
  /** Lines that wait at most. */
  readonly maxLines: number;
  /** What becomes of lines when there is no room: the sender waits, or they are dropped. */
  readonly overflow: "wait" | "drop";
  /** Timers of retries. */
  readonly clock: Pick<Clock, "after">;
  /** Is told how many lines were written or dropped. */
  readonly onLines: (outcome: "written" | "dropped", count: number) => void;
  /** Told how the sink is. */
  readonly health: ComponentHealth;
  /** Where it is logged that a sink fails. */
  readonly logger: Logger;
}

/** Each stream may bring the lines of one more message before it waits: so much is taken of them. */
const WAITING_FACTOR = 10;
const BATCH = 512;
const TRIES = 5;
const RETRY_MS = 1_000;

/** Lines on their way to one sink. */
export class LogQueue<L extends Uint8Array | LoggedLine> implements AsyncDisposable {
  readonly #options: LogQueueOptions<L>;
  readonly #waiting: (() => void)[] = [];
  #lines: L[] = [];
  #work: Promise<void> | undefined;
  #closing = false;
  #failed = false;

  /** Nothing waits. */
  constructor(options: LogQueueOptions<L>) {
    this.#options = options;
    options.health.ok();
  }

  /** Adds a line; one for which there is no room is dropped and counted. */
  add(line: L): void {
    const { maxLines, overflow, onLines } = this.#options;
    const limit = overflow === "drop" ? maxLines : maxLines * WAITING_FACTOR;
    if (this.#lines.length >= limit) return onLines("dropped", 1);
    this.#lines.push(line);
    this.#work ??= this.#drain();
  }

  /** Resolves when there is room; undefined when there is now, or nobody is to wait for it. */
  room(): Promise<void> | undefined {
    const { maxLines, overflow } = this.#options;
    if (overflow === "drop" || this.#closing || this.#lines.length < maxLines) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Writes what waits, without trying for long, and closes the sink. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#release();
    await this.#work;
    await this.#options.sink[Symbol.asyncDispose]();
  }

  async #drain(): Promise<void> {
    // Lines of one message go together.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const batch = this.#lines.splice(0, BATCH);
      if (this.#lines.length < this.#options.maxLines) this.#release();
      await this.#write(batch);
    }
    this.#work = undefined;
  }

  async #write(batch: readonly L[]): Promise<void> {
    const { sink, clock, health, logger, onLines } = this.#options;
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        await sink.write(batch);
        if (this.#failed) health.ok();
        this.#failed = false;
        return onLines("written", batch.length);
      } catch (error) {
        if (!this.#failed) logger.warn("cannot write access logs", { sink: sink.name, error });
        this.#failed = true;
        health.degraded(error instanceof Error ? error.message : String(error));
        if (this.#closing) break;
        if (attempt < TRIES) {
          await new Promise<void>((resolve) => clock.after(RETRY_MS * attempt, resolve));
        }
      }
    }
    onLines("dropped", batch.length);
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
