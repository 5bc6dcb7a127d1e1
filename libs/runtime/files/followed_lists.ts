// SPDX-License-Identifier: Apache-2.0
/**
 * Revocation lists that follow their files. One that is over goes on to count, as it still says what is
 * revoked; that nobody brought its successor is told.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import { ReloadedFiles, type ReloadedFilesOptions } from "./reloaded_files.ts";
import type { RevocationLists } from "./revocation_lists.ts";

/** What is followed, and who is told of it. */
export type FollowedListsOptions =
  & Omit<ReloadedFilesOptions<RevocationLists>, "what" | "clock">
  & {
    /** Where time comes from. */
    readonly clock: Clock;
  };

/** Timers stand still while a machine sleeps, and clocks jump: the end is looked at this often. */
const LOOK_MS = 600_000;

/** See the module. */
export class FollowedLists implements AsyncDisposable {
  readonly #options: FollowedListsOptions;
  readonly #files: ReloadedFiles<RevocationLists>;
  #timer: Timer | undefined;

  /** Reads them once. Rejects when they cannot be used. */
  static async load(options: FollowedListsOptions): Promise<FollowedLists> {
    const files = await ReloadedFiles.load({ ...options, what: "revocation lists" });
    return new FollowedLists(options, files);
  }

  private constructor(options: FollowedListsOptions, files: ReloadedFiles<RevocationLists>) {
    this.#options = options;
    this.#files = files;
    files.subscribe(() => this.#look());
    this.#look();
  }

  /** The last good ones. */
  get current(): RevocationLists {
    return this.#files.current;
  }

  /** See {@linkcode ReloadedFiles.subscribe}. */
  subscribe(listener: (lists: RevocationLists) => void): () => void {
    return this.#files.subscribe(listener);
  }

  /** Stops following. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#files[Symbol.asyncDispose]();
  }

  #look(): void {
    const { clock, logger, health } = this.#options;
    this.#timer?.cancel();
    const leftMs = this.current.nextUpdateMs - clock.nowMs();
    if (leftMs > 0) {
      this.#timer = clock.after(Math.min(leftMs, LOOK_MS), () => this.#look());
      return;
    }
    const end = new Date(this.current.nextUpdateMs).toISOString();
    logger.error("revocation list is over: what it says counts until there is another", { end });
    health?.degraded(`revocation list is over since ${end}: what it says still counts`);
  }
}
