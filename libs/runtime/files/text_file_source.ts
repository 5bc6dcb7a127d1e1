// SPDX-License-Identifier: Apache-2.0
/**
 * A value made of a file or a folder of files, watched while running. They are taken as a whole or not
 * at all: what is wrong with any of them keeps the last good value in force until it is mended. A
 * folder that is gone or has lost all of its files is more likely an accident than meant, and is not
 * believed.
 * @module
 */
import { type Clock, hasErrors, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { FileWatcher } from "./file_watcher.ts";
import { type FileTexts, isTextPath, readTextFiles, rootOf } from "./text_files.ts";

/** What texts come to. */
export interface ParsedTexts<T> {
  /** What they say; undefined only where one of the problems is an error. */
  readonly value: T | undefined;
  /** All that is wrong with them. */
  readonly problems: readonly Problem[];
}

/** What a look at the files came to. */
export type TextFileState<T> =
  | {
    /** All of them can be used. */
    readonly kind: "ok";
    /** What they say. */
    readonly value: T;
    /** How many there are. */
    readonly files: number;
  }
  | {
    /** What they said before stays in force. */
    readonly kind: "failed";
    /** All that is wrong; at least one error. */
    readonly problems: readonly Problem[];
  };

/** What a source works with. */
export interface TextFileSourceOptions<T> {
  /** The file or folder, as the user named it. */
  readonly path: string;
  /** What one of the files is, for logs and problems, e.g. `limit file`. */
  readonly what: string;
  /** Makes a value of the texts of all files, by path. */
  readonly parse: (texts: ReadonlyMap<string, string>) => ParsedTexts<T>;
  /** Takes values over; told after every look. */
  readonly onState: (state: TextFileState<T>) => void;
  /** Where problems are logged: once, not at every look. */
  readonly logger: Logger;
  /** Timers. */
  readonly clock: Clock;
}

/** For how long a file must be gone to be believed. */
const GONE_MS = 200;

/** A watched file or folder. Dispose of it to stop watching. */
export class TextFileSource<T> implements AsyncDisposable {
  readonly #options: TextFileSourceOptions<T>;
  #watcher: FileWatcher | undefined;
  #following: Promise<void> = Promise.resolve();
  #files: readonly string[] = [];
  #said = "";

  /** Nothing is read before {@linkcode load}. */
  constructor(options: TextFileSourceOptions<T>) {
    this.#options = options;
  }

  /**
   * Reads all files and begins to watch.
   * @throws ProblemError when something is wrong unless `allowInvalid`; nothing is watched then.
   */
  async load({ allowInvalid }: { readonly allowInvalid: boolean }): Promise<void> {
    const { path, logger, clock } = this.#options;
    const root = rootOf(path);
    const include = (file: string) => isTextPath(file, root);
    this.#watcher = await FileWatcher.start({ paths: [path], include, logger, clock });
    // A refusal tells its errors by itself.
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
    const { what, logger } = this.#options;
    for await (const _ of watcher.changes()) {
      try {
        await this.#look({ logged: true });
      } catch (error) {
        logger.error("cannot take files over", { what, error });
      }
    }
  }

  /** Reads all files anew; returns what is wrong with them. */
  async #look({ logged }: { readonly logged: boolean }): Promise<readonly Problem[]> {
    const { parse, onState } = this.#options;
    const { texts, problems: unread } = await this.#read();
    const { value, problems: wrong } = parse(texts);
    const problems = [...unread, ...wrong];
    const isGood = value !== undefined && !hasErrors(problems);
    if (isGood || logged) this.#log(problems);
    if (isGood) {
      this.#files = [...texts.keys()];
      onState({ kind: "ok", value, files: texts.size });
    } else onState({ kind: "failed", problems });
    return problems;
  }

  async #read(): Promise<FileTexts> {
    const { path, what, clock } = this.#options;
    const found = await readTextFiles(path, { what });
    if (this.#files.every((file) => found.texts.has(file))) return found;
    await new Promise<void>((resolve) => clock.after(GONE_MS, resolve));
    return await readTextFiles(path, { what });
  }

  #log(problems: readonly Problem[]): void {
    const said = JSON.stringify(problems);
    if (said === this.#said) return;
    this.#said = said;
    const { what, logger } = this.#options;
    for (const { severity, message: problem, ...place } of problems) {
      if (severity === "warning") logger.warn(`${what} has a flaw`, { problem, ...place });
      else logger.error(`${what} cannot be used`, { problem, ...place });
    }
  }
}
