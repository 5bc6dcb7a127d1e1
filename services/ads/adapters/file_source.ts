// SPDX-License-Identifier: Apache-2.0
/**
 * Resources from a file or a folder of files, watched while running. Only files that changed are read
 * again. What is wrong with any of them keeps all changes back: nodes go on with the last good state,
 * and every problem is reported until it is mended.
 *
 * Some changes are more likely an accident than meant, and are not believed: a folder that is gone,
 * all of its files gone at once, and a file that has become empty. Who wants to serve nothing writes
 * `resources: []`.
 *
 * A change over several files is met half written now and then. Where that shows, in a reference that
 * leads nowhere and did not before, the rest is waited for.
 * @module
 */
import {
  type Clock,
  hasErrors,
  type Logger,
  type Problem,
  ProblemError,
  type Timer,
} from "@denvoy/base";
import {
  type FileContent,
  FileWatcher,
  NOT_UTF8,
  readFileContent,
  rootOf,
  scanSignatures,
  textOf,
} from "@denvoy/runtime";
import type { ChangeOutcome } from "../domain/configuration_writer.ts";
import type { SlotEdit } from "../domain/catalog.ts";
import { contentHash } from "@denvoy/xds";
import { type FileChanges, FileSet } from "../domain/file_set.ts";
import { readResourceText, type ResourceDocument } from "../domain/resource_document.ts";
import { isResourcePath, MAX_FILES } from "./resource_files.ts";

/** Where files' resources go. */
export interface FileSink {
  /** Takes all that files say; the first that is called. */
  replace(edits: readonly SlotEdit[], summary: string): ChangeOutcome | Promise<ChangeOutcome>;
  /** Takes what changed; `strict` refuses what breaks any reference, whatever the setting says. */
  change(
    edits: readonly SlotEdit[],
    summary: string,
    policy?: "strict",
  ): ChangeOutcome | Promise<ChangeOutcome>;
  /** Goes on with what files said before a restart. */
  keepLast(): void;
  /** Whether files said anything before a restart: none at all is an accident then. */
  readonly expectsFiles: boolean;
}

/** How a source is. */
export type FileSourceState =
  | {
    /** All files are served as they are. */
    readonly kind: "ok";
    /** How many files there are. */
    readonly files: number;
    /** When they were last taken over, in milliseconds since the epoch. */
    readonly atMs: number;
  }
  | {
    /** Changes are kept back. */
    readonly kind: "failed";
    /** All that is wrong; at least one error. */
    readonly problems: readonly Problem[];
    /** Since when, in milliseconds since the epoch. */
    readonly sinceMs: number;
  };

/** How far a long load is. */
export interface LoadProgress {
  /** Files read. */
  readonly read: number;
  /** Files to read. */
  readonly total: number;
}

/** What a source works with. */
export interface FileSourceOptions {
  /** The file or folder, as the user named it; problems name files below it the same way. */
  readonly path: string;
  /** Where resources go. */
  readonly sink: FileSink;
  /** Where changes and problems are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Called whenever the state differs from before, e.g. for readiness and metrics. */
  readonly onState?: (state: FileSourceState) => void;
  /** Called after every file of the first load. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

interface ReadFile {
  readonly hash: string;
  readonly document: ResourceDocument;
}

type ReadableContent = Exclude<FileContent, { kind: "absent" }>;

/** For how long files must be gone to be believed. */
const GONE_MS = 200;
const RETRY_MS = 1000;
/** How long files are quiet before what they lack is believed to be missing. */
const INCOMPLETE_MS = 300;
/** For how long that is put off at most while they go on changing. */
const MAX_INCOMPLETE_MS = 3000;
/** A process whose timers are later than this did not hear of files in time either. */
const LATE_MS = 50;
const READS_AT_ONCE = 16;

/** A watched file or folder. Close it to stop watching. */
export class FileSource implements AsyncDisposable {
  readonly #options: FileSourceOptions;
  readonly #root: string;
  readonly #set = new FileSet();
  /** Files as they were last read. */
  readonly #files = new Map<string, ReadFile>();
  /** Files that are not served as they were last read. */
  readonly #dirty = new Set<string>();
  /** Files that changed while the root was gone. */
  #unread = new Set<string>();
  #watcher: FileWatcher | undefined;
  #following: Promise<void> = Promise.resolve();
  #work: Promise<void> = Promise.resolve();
  #state: FileSourceState | undefined;
  #loaded = false;
  #retry: Timer | undefined;
  /** When files have been quiet for long enough, and since when what they say is incomplete. */
  #quietMs = 0;
  #incompleteMs: number | undefined;
  #closed = false;

  /** Nothing is read before {@linkcode load}. */
  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.#root = rootOf(options.path);
  }

  /** How the source is; undefined before the first load. */
  get state(): FileSourceState | undefined {
    return this.#state;
  }

  /**
   * Reads all files, hands them over and begins to watch. With `allowInvalid` files with errors are
   * only reported, and what files said before the last stop is served until they are mended.
   * @throws ProblemError when something is wrong and that is not allowed; nothing is watched then.
   */
  async load({ allowInvalid = false }: { allowInvalid?: boolean } = {}): Promise<void> {
    const { path, logger, clock } = this.#options;
    const include = (file: string) => this.#includes(file);
    this.#watcher = await FileWatcher.start({ paths: [path], include, logger, clock });
    const found = await scanSignatures(this.#root, { include, maxFiles: MAX_FILES });
    await this.#read([...found.keys()], this.#options.onProgress);
    await this.#attempt(new Set(found.keys()));
    if (this.#state?.kind === "failed") {
      if (!allowInvalid) {
        await this[Symbol.asyncDispose]();
        throw new ProblemError(this.#state.problems);
      }
      this.#options.sink.keepLast();
    }
    this.#following = this.#follow(this.#watcher);
  }

  /** Stops watching and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#watcher?.[Symbol.asyncDispose]();
    await this.#following;
    await this.#work;
    this.#retry?.cancel();
  }

  async #follow(watcher: FileWatcher): Promise<void> {
    for await (const paths of watcher.changes()) await this.#enqueue(() => this.#reload(paths));
  }

  /** One look at a time; a failed one does not end the watching. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error) => {
      this.#options.logger.error("cannot reload resource files", { error });
    });
    return this.#work;
  }

  async #reload(changed: ReadonlySet<string>): Promise<void> {
    const paths = new Set([...changed, ...this.#unread]);
    this.#unread = new Set();
    await this.#read([...paths]);
    if ([...paths].some((path) => !this.#files.has(path))) {
      await this.#pause(GONE_MS);
      await this.#read([...paths]);
    }
    this.#quietMs = this.#options.clock.monotonicMs() + INCOMPLETE_MS;
    await this.#attempt(paths);
  }

  /** Brings `#files` and `#dirty` up to date with the disk. */
  async #read(
    paths: readonly string[],
    onProgress?: (progress: LoadProgress) => void,
  ): Promise<void> {
    for (let at = 0; at < paths.length; at += READS_AT_ONCE) {
      const batch = paths.slice(at, at + READS_AT_ONCE);
      const contents = await Promise.all(batch.map(readFileContent));
      for (const [index, path] of batch.entries()) this.#take(path, contents[index]);
      onProgress?.({ read: Math.min(at + READS_AT_ONCE, paths.length), total: paths.length });
    }
  }

  #take(path: string, content: FileContent = { kind: "absent" }): void {
    if (content.kind === "absent") {
      if (this.#files.delete(path)) this.#dirty.add(path);
      return;
    }
    const hash = content.kind === "bytes" ? contentHash(content.bytes) : content.reason;
    if (this.#files.get(path)?.hash === hash) return;
    this.#files.set(path, { hash, document: this.#documentOf(path, content) });
    this.#dirty.add(path);
  }

  #documentOf(path: string, content: ReadableContent): ResourceDocument {
    if (content.kind === "unreadable") return refused(path, content.reason);
    const text = textOf(content.bytes);
    if (text === undefined) return refused(path, NOT_UTF8);
    return this.#set.has(path) && text.trim() === ""
      ? emptied(path)
      : readResourceText(text, { file: path });
  }

  async #attempt(paths: ReadonlySet<string>): Promise<void> {
    const gone = await this.#goneProblem();
    if (gone !== undefined) {
      for (const path of paths) this.#unread.add(path);
      return this.#fail([gone]);
    }
    const problems = [...this.#dirty].flatMap((path) =>
      this.#files.get(path)?.document.problems ?? []
    );
    if (hasErrors(problems)) return this.#fail(problems);
    if (this.#dirty.size === 0 && this.#loaded) return this.#succeed(problems);
    await this.#handOver(problems);
  }

  async #handOver(warnings: readonly Problem[]): Promise<void> {
    const staged = this.#set.stage(this.#changes());
    if (staged.problems.length > 0) return this.#fail([...warnings, ...staged.problems]);
    const { logger } = this.#options;
    const summary = summaryOf([...this.#dirty], this.#root);
    try {
      const outcome = await this.#offer(staged.edits, summary);
      if (outcome === undefined) return;
      const problems = [...warnings, ...outcome.problems];
      if (outcome.kind !== "applied" && outcome.kind !== "unchanged") {
        this.#retryLater();
        return this.#fail(problems);
      }
      if (outcome.kind === "applied") {
        const { id, changes } = outcome.revision;
        logger.info("took over resource files", { summary, revision: id, changes: changes.length });
      }
      staged.keep();
      this.#dirty.clear();
      this.#loaded = true;
      this.#succeed(problems);
    } catch (error) {
      logger.error("cannot take over resource files", { error });
      this.#retryLater();
      this.#fail([{ severity: "error", message: "cannot be written down: see the log" }]);
    }
  }

  /** Offers what files say; returns undefined while that seems to be half of a change. */
  async #offer(edits: readonly SlotEdit[], summary: string): Promise<ChangeOutcome | undefined> {
    const { sink, clock } = this.#options;
    if (!this.#loaded) return await sink.replace(edits, summary);
    const outcome = await sink.change(edits, summary, "strict");
    if (outcome.kind !== "refused") return outcome;
    const nowMs = clock.monotonicMs();
    this.#incompleteMs ??= nowMs;
    const isLate = nowMs > this.#quietMs + LATE_MS;
    if (isLate || this.#watcher?.isSettling) this.#quietMs = nowMs + INCOMPLETE_MS;
    const dueMs = Math.min(this.#quietMs, this.#incompleteMs + MAX_INCOMPLETE_MS);
    if (nowMs >= dueMs) return await sink.change(edits, summary);
    this.#retryLater(dueMs - nowMs);
    return undefined;
  }

  #changes(): FileChanges {
    const paths = [...this.#dirty].sort();
    return new Map(paths.map((path) => [path, this.#files.get(path)?.document.drafts]));
  }

  /** What does not depend on the files alone may be right a moment later. */
  #retryLater(delayMs = RETRY_MS): void {
    this.#retry?.cancel();
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#enqueue(() => this.#attempt(new Set()));
    });
  }

  async #goneProblem(): Promise<Problem | undefined> {
    const { path: file, sink } = this.#options;
    const info = await Deno.stat(this.#root).catch((error: Error) => error);
    if (info instanceof Error) return { severity: "error", file, message: whyAbsent(info) };
    if (!info.isFile && !info.isDirectory) {
      return { severity: "error", file, message: "is neither a file nor a folder" };
    }
    const isEmptied = this.#loaded ? this.#set.files().length > 0 : sink.expectsFiles;
    if (!isEmptied || this.#files.size > 0) return undefined;
    const message = "no resource file is left: what they said is still served; " +
      "to serve nothing, keep a file with `resources: []`";
    return { severity: "error", file, message };
  }

  #fail(problems: readonly Problem[]): void {
    this.#incompleteMs = undefined;
    const known = this.#state;
    if (known?.kind === "failed" && sameProblems(known.problems, problems)) return;
    this.#logProblems(problems);
    const nowMs = this.#options.clock.nowMs();
    const sinceMs = known?.kind === "failed" ? known.sinceMs : nowMs;
    this.#setState({ kind: "failed", problems, sinceMs });
  }

  #succeed(warnings: readonly Problem[]): void {
    this.#incompleteMs = undefined;
    this.#logProblems(warnings);
    const { logger } = this.#options;
    if (this.#state?.kind === "failed") logger.info("resource files can be served again");
    this.#setState({ kind: "ok", files: this.#files.size, atMs: this.#options.clock.nowMs() });
  }

  #setState(state: FileSourceState): void {
    this.#state = state;
    this.#options.onState?.(state);
  }

  #logProblems(problems: readonly Problem[]): void {
    const { logger } = this.#options;
    for (const { severity, message: problem, ...place } of problems) {
      if (severity === "warning") logger.warn("resource file has a flaw", { problem, ...place });
      else logger.error("resource file cannot be served", { problem, ...place });
    }
  }

  #includes(path: string): boolean {
    return path === this.#options.path || isResourcePath(path, this.#root);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(delayMs, resolve));
  }
}

function refused(file: string, message: string): ResourceDocument {
  return { drafts: [], problems: [{ severity: "error", file, message }] };
}

function emptied(file: string): ResourceDocument {
  const message = "has become empty, as if half written: what it said is still served; " +
    "to serve nothing, write `resources: []`";
  return { drafts: [], problems: [{ severity: "error", file, line: 1, column: 1, message }] };
}

function whyAbsent(error: Error): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  return `cannot be read: ${error.message}`;
}

function summaryOf(paths: readonly string[], root: string): string {
  const names = paths.toSorted().map((path) => path.slice(root.length + 1) || path);
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown || "no files";
}

function sameProblems(a: readonly Problem[], b: readonly Problem[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
