// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of access logs in a file that is rotated by size: `access.log` is renamed to `access.log.1`,
 * that to `access.log.2`, and the last one is removed. No line is split.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import type { LogSink } from "../log_sink.ts";

/** Where lines go, and how much is kept. */
export interface FileLogSinkOptions {
  /** The file; its folder must be there. */
  readonly path: string;
  /** A file that is larger is rotated. */
  readonly maxBytes: number;
  /** Files that are kept beside the present one. */
  readonly keep: number;
}

/** Appends to a file. */
export class FileLogSink implements LogSink<Uint8Array> {
  /** Its name. */
  readonly name = "file";
  readonly #options: FileLogSinkOptions;
  #file: Deno.FsFile | undefined;
  #size = 0;

  /** Nothing is opened before the first line. */
  constructor(options: FileLogSinkOptions) {
    this.#options = options;
  }

  /** See {@linkcode LogSink.write}. */
  async write(lines: readonly Uint8Array[]): Promise<void> {
    const bytes = joinBytes(lines);
    let file = this.#file ?? await this.#open();
    const full = this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes;
    if (full) file = await this.#rotate();
    let rest = bytes;
    while (rest.length > 0) {
      const written = await file.write(rest);
      this.#size += written;
      rest = rest.subarray(written);
    }
  }

  /** Closes the file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  async #open(): Promise<Deno.FsFile> {
    const { path } = this.#options;
    this.#file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
    this.#size = (await this.#file.stat()).size;
    return this.#file;
  }

  async #rotate(): Promise<Deno.FsFile> {
    const { path, keep } = this.#options;
    this.#close();
    for (let number = keep; number > 0; number--) {
      const older = number === 1 ? path : `${path}.${number - 1}`;
      await Deno.rename(older, `${path}.${number}`).catch(ignoreMissing);
    }
    if (keep === 0) await Deno.remove(path).catch(ignoreMissing);
    return await this.#open();
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#size = 0;
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
