// SPDX-License-Identifier: Apache-2.0
/**
 * Clusters from a file or a folder of files, watched while running. They are taken as a whole or not
 * at all: what is wrong with any of them keeps the last good ones in force until it is mended. A
 * folder that is gone or has lost all of its files is more likely an accident than meant, and is not
 * believed.
 * @module
 */
import { type Clock, hasErrors, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { FileWatcher, isTextPath, readTextFiles, rootOf } from "@denvoy/runtime";
import type { CheckedCluster } from "../domain/checked_cluster.ts";
import { readClusterTexts } from "../domain/cluster_document.ts";
import type { ClusterReadOptions } from "../domain/cluster_reader.ts";

/** How a source is. */
export type ClusterSourceState =
  | { readonly kind: "ok"; readonly files: number; readonly clusters: number }
  | { readonly kind: "failed"; readonly problems: readonly Problem[] };

/** What a source works with. */
export interface ClusterFileSourceOptions {
  /** The file or folder, as the user named it. */
  readonly path: string;
  /** How clusters are read. */
  readonly read: ClusterReadOptions;
  /** Where changes and problems are logged. */
  readonly logger: Logger;
  /** Timers. */
  readonly clock: Clock;
  /** Takes clusters that have no errors. */
  readonly onClusters: (clusters: ReadonlyMap<string, CheckedCluster>) => void;
  /** Is told after every look at the files. */
  readonly onState: (state: ClusterSourceState) => void;
}

const MAX_FILES = 10_000;
/** For how long a file must be gone to be believed. */
const GONE_MS = 200;

/** A watched file or folder of clusters. Dispose of it to stop watching. */
export class ClusterFileSource implements AsyncDisposable {
  readonly #options: ClusterFileSourceOptions;
  readonly #root: string;
  #watcher: FileWatcher | undefined;
  #following: Promise<void> = Promise.resolve();
  #texts: ReadonlyMap<string, string> = new Map();
  #said = "";

  /** Nothing is read before {@linkcode load}. */
  constructor(options: ClusterFileSourceOptions) {
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
    const problems = await this.#look();
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
        this.#options.logger.error("cannot reload cluster files", { error });
      }
    }
  }

  /** Reads all files anew; returns what is wrong with them. */
  async #look(): Promise<readonly Problem[]> {
    let found = await readTextFiles(this.#root, { maxFiles: MAX_FILES });
    if ([...this.#texts.keys()].some((file) => !found.texts.has(file))) {
      await new Promise<void>((resolve) => this.#options.clock.after(GONE_MS, resolve));
      found = await readTextFiles(this.#root, { maxFiles: MAX_FILES });
    }
    const { path: file, read } = this.#options;
    const empty: readonly Problem[] = found.texts.size === 0 && found.problems.length === 0
      ? [{ severity: "error", file, message: "no cluster file (.yaml, .yml, .json) is there" }]
      : [];
    const { clusters, problems } = readClusterTexts(found.texts, read);
    const all = [...empty, ...found.problems, ...problems];
    this.#log(all);
    if (hasErrors(all)) this.#options.onState({ kind: "failed", problems: all });
    else this.#take(clusters, found.texts);
    return all;
  }

  #take(clusters: ReadonlyMap<string, CheckedCluster>, texts: ReadonlyMap<string, string>): void {
    this.#texts = texts;
    const { logger, onClusters, onState } = this.#options;
    const state = { files: texts.size, clusters: clusters.size };
    logger.info("took over cluster files", state);
    onClusters(clusters);
    onState({ kind: "ok", ...state });
  }

  /** What is wrong is said once, not at every look. */
  #log(problems: readonly Problem[]): void {
    const said = JSON.stringify(problems);
    if (said === this.#said) return;
    this.#said = said;
    for (const { severity, message: problem, ...place } of problems) {
      const line = { problem, ...place };
      if (severity === "warning") this.#options.logger.warn("cluster file has a flaw", line);
      else this.#options.logger.error("cluster file cannot be used", line);
    }
  }
}
