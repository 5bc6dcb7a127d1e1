// SPDX-License-Identifier: Apache-2.0
/**
 * Tells when files change: written in place, replaced by rename, swapped behind a link as Kubernetes
 * does, or gone with their folder and back again. Notifications make it quick (changes of a file cost
 * a look at that file), a poll of the tree's signatures makes it sure.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import { systemClock } from "../system_clock.ts";
import {
  changedPaths,
  foldersAbove,
  scanSignatures,
  type Signatures,
  statOrUndefined,
} from "./file_signatures.ts";
import { RootWatch } from "./root_watch.ts";

/** What a watcher looks at, and how patiently. */
export interface FileWatcherOptions {
  /** Files or folders; they need not exist yet. */
  readonly paths: readonly string[];
  /** Which files count, by path. @default all */
  readonly include?: (path: string) => boolean;
  /** Where it is said that a tree is too large. */
  readonly logger: Logger;
  /** Timers. @default the system's */
  readonly clock?: Clock;
  /** How long all must be quiet before changes are told: files half written end in that time. @default 50 */
  readonly quietMs?: number;
  /** The longest that a change waits for quiet. @default 500 */
  readonly maxDelayMs?: number;
  /** Interval of the poll; longer by itself for a tree whose scan takes long. @default 2000 */
  readonly pollMs?: number;
  /** Files beyond this number are not seen. @default 100000 */
  readonly maxFiles?: number;
}

// A scan of a large tree then takes at most a fiftieth of the time.
const POLL_PER_SCAN = 50;
const MAX_TOUCHED = 1_000;

interface Root {
  readonly path: string;
  readonly watch: RootWatch;
  signatures: Signatures;
  /** Looked at as a whole, and its notifications renewed. */
  dirty: "no" | "scan" | "replaced";
}

/** Watches files and folders. One reader takes the changes; what it is slow for is put together. */
export class FileWatcher implements AsyncDisposable {
  readonly #options: FileWatcherOptions;
  readonly #clock: Clock;
  readonly #include: (path: string) => boolean;
  readonly #maxFiles: number;
  readonly #roots: readonly Root[];
  readonly #touched = new Map<string, Root>();
  #changed = new Set<string>();
  #wake: () => void = () => {};
  #timer: Timer | undefined;
  #poll: Timer | undefined;
  #firstMs = 0;
  #lastMs = 0;
  #work: Promise<void> = Promise.resolve();
  /** Looks that are under way or wait for their turn; a poll is none until it finds something. */
  #looks = 0;
  #closed = false;

  /** Begins to watch; what changes from then on is told. */
  static async start(options: FileWatcherOptions): Promise<FileWatcher> {
    const watcher = new FileWatcher(options);
    await watcher.#begin();
    return watcher;
  }

  private constructor(options: FileWatcherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#include = options.include ?? (() => true);
    this.#maxFiles = options.maxFiles ?? 100_000;
    this.#roots = options.paths.map((path) => this.#createRoot(path));
  }

  /** Whether something happened that is not told yet: files are still being written. */
  get isSettling(): boolean {
    return this.#timer !== undefined || this.#looks > 0 || this.#changed.size > 0;
  }

  /**
   * Yields sets of changed paths (written, come or gone), each starting as its root was given. Ends
   * when the watcher is closed. For one reader.
   */
  async *changes(): AsyncGenerator<ReadonlySet<string>> {
    while (!this.#closed) {
      if (this.#changed.size > 0) {
        const changed = this.#changed;
        this.#changed = new Set();
        yield changed;
      } else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Stops watching and ends the changes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#poll?.cancel();
    this.#wake();
    await this.#work;
    await Promise.all(this.#roots.map((root) => root.watch.close()));
  }

  async #begin(): Promise<void> {
    for (const root of this.#roots) {
      // First the notifications, so that nothing falls between them and the scan.
      await root.watch.refresh();
      root.signatures = await this.#scan(root.path);
    }
    this.#schedulePoll(0);
  }

  #createRoot(path: string): Root {
    const root: Root = {
      path,
      signatures: new Map(),
      dirty: "no",
      watch: new RootWatch(path, {
        touched: (touched) => this.#touch(root, touched),
        unclear: () => this.#soil(root, "scan"),
        replaced: () => this.#soil(root, "replaced"),
      }),
    };
    return root;
  }

  #touch(root: Root, path: string): void {
    if (this.#touched.size < MAX_TOUCHED) this.#touched.set(path, root);
    else if (root.dirty === "no") root.dirty = "scan";
    this.#schedule();
  }

  #soil(root: Root, how: "scan" | "replaced"): void {
    if (root.dirty !== "replaced") root.dirty = how;
    this.#schedule();
  }

  #schedule(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#lastMs = nowMs;
    if (this.#timer !== undefined || this.#closed) return;
    this.#firstMs = nowMs;
    this.#arm(nowMs);
  }

  /** Waits until all has been quiet, or the longest delay is over. */
  #arm(nowMs: number): void {
    const { quietMs = 50, maxDelayMs = 500 } = this.#options;
    const dueMs = Math.min(this.#lastMs + quietMs, this.#firstMs + maxDelayMs);
    if (nowMs >= dueMs) {
      this.#timer = undefined;
      this.#looks += 1;
      this.#enqueue(() => this.#look());
      return;
    }
    this.#timer = this.#clock.after(dueMs - nowMs, () => this.#arm(this.#clock.monotonicMs()));
  }

  /** One look at a time, in order; a failed one does not end the watching. */
  #enqueue(look: () => Promise<void>): void {
    this.#work = this.#work.then(look).catch((error) => {
      this.#options.logger.error("cannot look at watched files", { error });
    });
  }

  async #look(): Promise<void> {
    const touched = [...this.#touched];
    this.#touched.clear();
    try {
      for (const [path, root] of touched) await this.#lookAt(root, path);
      for (const root of this.#roots) if (root.dirty !== "no") await this.#rescan(root);
    } finally {
      this.#looks -= 1;
    }
    if (this.#changed.size > 0) this.#wake();
  }

  async #rescan(root: Root): Promise<void> {
    const force = root.dirty === "replaced";
    root.dirty = "no";
    await root.watch.refresh(force);
    const before = root.signatures;
    root.signatures = await this.#scan(root.path);
    for (const path of changedPaths(before, root.signatures)) this.#changed.add(path);
  }

  /** A file that was touched counts as changed even when it looks the same: clocks are coarse. */
  async #lookAt(root: Root, path: string): Promise<void> {
    // Notifications follow such links, and then call all files by names that lead through them.
    const above = await foldersAbove(root.path, path);
    if (above === undefined) {
      if (root.dirty === "no") root.dirty = "scan";
      return;
    }
    const info = await statOrUndefined(path);
    const known = root.signatures.has(path);
    if (known || info?.isFile) {
      const now = (await this.#scan(path)).get(path);
      if (now === undefined) root.signatures.delete(path);
      else if (known || root.signatures.size < this.#maxFiles) root.signatures.set(path, now);
      if (known || now !== undefined) this.#changed.add(path);
      if (info?.isFile) return;
    }
    await this.#lookAtFolder(root, { path, above });
  }

  async #lookAtFolder(
    root: Root,
    { path, above }: { readonly path: string; readonly above: readonly string[] },
  ): Promise<void> {
    const prefix = `${path}/`;
    const before: Signatures = new Map();
    for (const [file, signature] of root.signatures) {
      if (file.startsWith(prefix)) before.set(file, signature);
    }
    const after = await this.#scan(path, above);
    for (const file of before.keys()) root.signatures.delete(file);
    for (const [file, signature] of after) root.signatures.set(file, signature);
    for (const file of changedPaths(before, after)) this.#changed.add(file);
  }

  #schedulePoll(scanMs: number): void {
    if (this.#closed) return;
    const delayMs = Math.max(this.#options.pollMs ?? 2_000, scanMs * POLL_PER_SCAN);
    this.#poll = this.#clock.after(delayMs, () => {
      this.#enqueue(() => this.#pollOnce());
    });
  }

  /** What the poll finds waits for quiet like everything else: it may be half written. */
  async #pollOnce(): Promise<void> {
    if (this.#closed) return;
    const startMs = this.#clock.monotonicMs();
    for (const root of this.#roots) {
      await root.watch.refresh();
      const now = await this.#scan(root.path);
      if (changedPaths(root.signatures, now).length > 0) this.#soil(root, "scan");
    }
    this.#schedulePoll(this.#clock.monotonicMs() - startMs);
  }

  async #scan(path: string, above: readonly string[] = []): Promise<Signatures> {
    const options = { include: this.#include, maxFiles: this.#maxFiles, above };
    const found = await scanSignatures(path, options);
    if (found.size >= this.#maxFiles) {
      this.#options.logger.warn("cannot watch all files as there are too many", {
        path,
        maxFiles: this.#maxFiles,
      });
    }
    return found;
  }
}
