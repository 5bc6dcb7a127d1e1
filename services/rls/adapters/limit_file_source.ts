// SPDX-License-Identifier: Apache-2.0
/**
 * Limits from a file or a folder of files, watched while running. They are taken as a whole or not at
 * all: what is wrong with any of them keeps the last good limits in force until it is mended. A
 * folder that is gone or has lost all of its files is more likely an accident than meant, and is not
 * believed.
 * @module
 */
import { type Clock, hasErrors, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { FileWatcher, isTextPath, rootOf } from "@denvoy/runtime";
import { type LimitSet, readLimitSet } from "../domain/limit_set.ts";
import { readLimitFiles } from "./limit_files.ts";

/** How a source is. */
export type LimitSourceState =
  | { readonly kind: "ok"; readonly files: number }
  | { readonly kind: "failed"; readonly problems: readonly Problem[] };

/** What a source works with. */
export interface LimitFileSourceOptions {
  /** The file or folder, as the user named it. */
  readonly path: string;
  /** Several files may add rules to one domain. */
  readonly mergeDomains: boolean;
  /** Where changes and problems are logged. */
  readonly logger: Logger;
  /** Timers. */
  readonly clock: Clock;
  /** Takes limits that have no errors. */
  readonly onLimits: (limits: LimitSet) => void;
  /** Is told after every look at the files. */
  readonly onState: (state: LimitSourceState) => void;
}

/** For how long a file must be gone to be believed. */
const GONE_MS = 200;

/** A watched file or folder of limits. Dispose of it to stop watching. */
export class LimitFileSource implements AsyncDisposable {
  readonly #options: LimitFileSourceOptions;
  readonly #root: string;
  #watcher: FileWatcher | undefined;
  #following: Promise<void> = Promise.resolve();
  #texts: ReadonlyMap<string, string> = new Map();
  #said = "";

  /** Nothing is read before {@linkcode load}. */
  constructor(options: LimitFileSourceOptions) {
    this.#options = options;
    this.#root = rootOf(options.path);
  }

  /**
   * Reads all files and begins to watch.
   * @throws ProblemError when something is wrong unless `allowInvalid`; nothing is watched then.
   */
  async load({ allowInvalid }: { readonly allowInvalid: boolean }): Promise<void> {
    const { path, logger, clock } = this.#options;
    const include = (file: string) => isTextPath(file, this.#root);
    this.#watcher = await FileWatcher.start({ paths: [path], include, logger, clock });
    const problems = await this.#look({ logged: allowInvalid });
    if (hasErrors(problems) && !allowInvalid) {
      await this[Symbol.asyncDispose]();
      throw new ProblemError(problems);
    }
    this.#following = this.#follow(this.#watcher);
  }

  /** Stops watching and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher?.[Symbol.asyncDispose]();
    await this.#following;
  }

  async #follow(watcher: FileWatcher): Promise<void> {
    for await (const _ of watcher.changes()) {
      try {
        await this.#look();
      } catch (error) {
        this.#options.logger.error("cannot reload limit files", { error });
      }
    }
  }

  /** Reads all files anew; returns what is wrong with them. A refusal tells its errors by itself. */
  async #look({ logged = true } = {}): Promise<readonly Problem[]> {
    const { path, mergeDomains } = this.#options;
    let read = await readLimitFiles(path);
    if ([...this.#texts.keys()].some((file) => !read.texts.has(file))) {
      await new Promise<void>((resolve) => this.#options.clock.after(GONE_MS, resolve));
      read = await readLimitFiles(path);
    }
    const { set, problems } = readLimitSet(read.texts, { mergeDomains });
    const all = [...read.problems, ...problems];
    if (set === undefined || hasErrors(all)) this.#fail(all, { logged });
    else this.#succeed(set, { texts: read.texts, warnings: all });
    return all;
  }

  #succeed(
    set: LimitSet,
    { texts, warnings }: {
      readonly texts: ReadonlyMap<string, string>;
      readonly warnings: readonly Problem[];
    },
  ): void {
    const { logger, onLimits, onState } = this.#options;
    this.#texts = texts;
    this.#log(warnings);
    onLimits(set);
    logger.info("took over limits", { files: texts.size, domains: [...set.domains.keys()].length });
    onState({ kind: "ok", files: texts.size });
  }

  #fail(problems: readonly Problem[], { logged }: { readonly logged: boolean }): void {
    if (logged) this.#log(problems);
    this.#options.onState({ kind: "failed", problems });
  }

  /** What is wrong is said once, not at every look. */
  #log(problems: readonly Problem[]): void {
    const said = JSON.stringify(problems);
    if (said === this.#said) return;
    this.#said = said;
    const { logger } = this.#options;
    for (const { severity, message: problem, ...place } of problems) {
      if (severity === "warning") logger.warn("limit file has a flaw", { problem, ...place });
      else logger.error("limit file cannot be used", { problem, ...place });
    }
  }
}
