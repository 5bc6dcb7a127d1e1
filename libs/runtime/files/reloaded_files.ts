// SPDX-License-Identifier: Apache-2.0
/**
 * A value that is read from files and read again when they change. What cannot be used keeps the last
 * good value, is logged, counted and reported as degraded.
 * @module
 */
import { type Clock, type Logger, ProblemError } from "@denvoy/base";
import type { ComponentHealth } from "../http/readiness.ts";
import type { CounterSeries } from "../metrics/series.ts";
import { FileWatcher } from "./file_watcher.ts";

/** What a reloaded value is made of. */
export interface ReloadedFilesOptions<T> {
  /** What the value is, for logs, e.g. `TLS keys`. */
  readonly what: string;
  /** The files it is read from. */
  readonly paths: readonly string[];
  /** Reads and checks it; throws, best a ProblemError, when it cannot be used. */
  readonly read: () => Promise<T>;
  /** Where reloads are logged. */
  readonly logger: Logger;
  /** Told how the files are. */
  readonly health?: ComponentHealth;
  /** Counts reloads that failed. */
  readonly failures?: Pick<CounterSeries, "add">;
  /** Timers of the watcher. @default the system's */
  readonly clock?: Clock;
  /** See FileWatcherOptions.pollMs. @default 2000 */
  readonly pollMs?: number;
}

/** A value and those who want to know when it changes. */
export class ReloadedFiles<T> implements AsyncDisposable {
  readonly #options: ReloadedFilesOptions<T>;
  readonly #watcher: FileWatcher;
  readonly #listeners = new Set<(value: T) => void>();
  readonly #following: Promise<void>;
  #current: T;

  /** Reads the value once. Rejects with what `read` throws: a bad start is no start. */
  static async load<T>(options: ReloadedFilesOptions<T>): Promise<ReloadedFiles<T>> {
    const { paths, logger, clock, pollMs } = options;
    const watcher = await FileWatcher.start({
      paths,
      logger,
      ...(clock !== undefined && { clock }),
      ...(pollMs !== undefined && { pollMs }),
    });
    try {
      const value = await options.read();
      options.health?.ok();
      return new ReloadedFiles(options, { watcher, value });
    } catch (error) {
      await watcher[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    options: ReloadedFilesOptions<T>,
    first: { readonly watcher: FileWatcher; readonly value: T },
  ) {
    this.#options = options;
    this.#watcher = first.watcher;
    this.#current = first.value;
    this.#following = this.#follow();
  }

  /** The last good value. */
  get current(): T {
    return this.#current;
  }

  /** Calls `listener` with each new good value, until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops watching. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher[Symbol.asyncDispose]();
    await this.#following;
  }

  async #follow(): Promise<void> {
    for await (const _changed of this.#watcher.changes()) await this.#reload();
  }

  async #reload(): Promise<void> {
    const { what, read, logger, health, failures } = this.#options;
    try {
      this.#current = await read();
      logger.info("reloaded files", { what });
      health?.ok();
      for (const listener of this.#listeners) listener(this.#current);
    } catch (error) {
      failures?.add();
      logger.error("cannot reload files: the last good ones stay in use", { what, error });
      health?.degraded(`cannot reload ${what}: ${messageOf(error)}`);
    }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ProblemError) return error.message.replaceAll("\n", "; ");
  return error instanceof Error ? error.message : String(error);
}
