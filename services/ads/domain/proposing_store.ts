// SPDX-License-Identifier: Apache-2.0
/**
 * A replica's copy of what all replicas have agreed on. A commit to it changes nothing: it is what an
 * operation proposes to all of them.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import { MemoryStore } from "./memory_store.ts";
import type { SharedState } from "./replication.ts";
import type { Revision, RevisionHead } from "./revision.ts";
import type {
  CommitResult,
  ConfigurationStore,
  RevisionQuery,
  StoreBatch,
  StoredConfiguration,
} from "./store.ts";

/** What an operation came to, and what it proposes. */
export interface Proposed<T> {
  /** What it returned. */
  readonly result: T;
  /** What is to be written; undefined when nothing is. */
  readonly batch: StoreBatch | undefined;
}

/** See the module. */
export class ProposingStore implements ConfigurationStore {
  readonly #keepRevisions: number;
  #copy: MemoryStore;
  #isProposing = false;
  #proposal: StoreBatch | undefined;

  /** Empty; keeps the last `keepRevisions` revisions. */
  constructor(keepRevisions: number) {
    this.#keepRevisions = keepRevisions;
    this.#copy = new MemoryStore(keepRevisions);
  }

  /** Runs an operation, which may commit once. */
  propose<T>(operation: () => T): Proposed<T> {
    this.#isProposing = true;
    this.#proposal = undefined;
    try {
      const result = operation();
      return { result, batch: this.#proposal };
    } finally {
      this.#isProposing = false;
      this.#proposal = undefined;
    }
  }

  /** Takes what all have agreed on. */
  keep(batch: StoreBatch): void {
    this.#copy.commit(batch);
  }

  /** Takes all that there is, in place of everything. */
  replace(state: SharedState): void {
    this.#copy = new MemoryStore(this.#keepRevisions);
    this.#copy.restore(state);
  }

  /** The history that is kept, oldest first. */
  get revisions(): readonly Revision[] {
    return this.#copy.revisions;
  }

  /** All contents that are kept. */
  get contents(): Iterable<Resource> {
    return this.#copy.contents;
  }

  /** See {@linkcode ConfigurationStore.load}; without what files say. */
  load(): StoredConfiguration {
    return this.#copy.load();
  }

  /** Proposes a batch. @throws TypeError outside an operation, or when one proposes twice. */
  commit(batch: StoreBatch): CommitResult {
    if (!this.#isProposing) throw new TypeError("a replica changes nothing but by an operation");
    if (this.#proposal !== undefined) throw new TypeError("an operation must commit once at most");
    if (!isEmpty(batch)) this.#proposal = batch;
    return "proposed";
  }

  /** See {@linkcode ConfigurationStore.heads}. */
  heads(query: RevisionQuery): readonly (RevisionHead & { readonly changeCount: number })[] {
    return this.#copy.heads(query);
  }

  /** See {@linkcode ConfigurationStore.revision}. */
  revision(id: number): Revision | undefined {
    return this.#copy.revision(id);
  }

  /** See {@linkcode ConfigurationStore.oldestRevision}. */
  oldestRevision(): number {
    return this.#copy.oldestRevision();
  }

  /** See {@linkcode ConfigurationStore.content}. */
  content(version: string, name: string): Resource | undefined {
    return this.#copy.content(version, name);
  }

  /** See {@linkcode ConfigurationStore.close}. */
  close(): void {
    this.#copy.close();
  }
}

/** Contents alone are written for nobody. */
function isEmpty({ contents: _, ...batch }: StoreBatch): boolean {
  return Object.values(batch).every((part) => Array.isArray(part) && part.length === 0);
}
