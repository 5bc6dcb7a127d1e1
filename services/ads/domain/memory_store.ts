// SPDX-License-Identifier: Apache-2.0
/**
 * A store that forgets everything when the process ends: for a service without a data folder, and
 * for tests.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import type { Registration } from "./registration.ts";
import type { Revision, RevisionHead, SlotAt } from "./revision.ts";
import type { SharedState } from "./replication.ts";
import type { RolloutRecord } from "./rollouts.ts";
import { keyText, slotText } from "./slot.ts";
import type {
  CommitResult,
  ConfigurationStore,
  RevisionQuery,
  StoreBatch,
  StoredConfiguration,
} from "./store.ts";

/** Rollouts that are kept. */
const MAX_ROLLOUTS = 1000;

/** Keeps everything in memory. */
export class MemoryStore implements ConfigurationStore {
  readonly #keep: number;
  readonly #edits = new Map<string, SlotEdit>();
  readonly #served = new Map<string, SlotAt>();
  readonly #registrations = new Map<string, Registration>();
  readonly #rollouts = new Map<string, RolloutRecord>();
  readonly #contents = new Map<string, Resource>();
  #revisions: Revision[] = [];
  #filesFrom = "";

  /** Keeps the last `keepRevisions` revisions. */
  constructor(keepRevisions = 100) {
    this.#keep = keepRevisions;
  }

  /** See {@linkcode ConfigurationStore.load}. */
  load(): StoredConfiguration {
    return {
      edits: [...this.#edits.values()],
      served: [...this.#served.values()],
      registrations: [...this.#registrations.values()],
      rollouts: [...this.#rollouts.values()],
      lastRevision: this.#revisions.at(-1)?.id ?? 0,
      filesFrom: this.#filesFrom,
    };
  }

  /** See {@linkcode ConfigurationStore.commit}. */
  commit(batch: StoreBatch): CommitResult {
    for (const resource of batch.contents ?? []) this.#contents.set(resource.version, resource);
    for (const edit of batch.edits ?? []) this.#putEdit(edit);
    for (const rollout of batch.rollouts ?? []) {
      this.#rollouts.delete(rollout.id);
      this.#rollouts.set(rollout.id, rollout);
    }
    for (const id of [...this.#rollouts.keys()].slice(0, -MAX_ROLLOUTS)) this.#rollouts.delete(id);
    for (const { cluster, id } of batch.deregistered ?? []) {
      this.#registrations.delete(`${cluster}\0${id}`);
    }
    for (const registration of batch.registered ?? []) {
      this.#registrations.set(`${registration.cluster}\0${registration.id}`, registration);
    }
    if (batch.revision !== undefined) this.#putRevision(batch.revision);
    this.#filesFrom = batch.filesFrom ?? this.#filesFrom;
    return "kept";
  }

  /** Takes over all that there is, into an empty store. */
  restore(state: SharedState): void {
    const { edits, contents, rollouts, registrations, served, revisions } = state;
    this.commit({ edits, contents, rollouts, registered: registrations });
    for (const slot of served) this.#served.set(slotText(slot), slot);
    this.#revisions = revisions.slice(-this.#keep);
  }

  /** Everything that is kept of the history, oldest first. */
  get revisions(): readonly Revision[] {
    return this.#revisions;
  }

  /** All contents that are kept. */
  get contents(): Iterable<Resource> {
    return this.#contents.values();
  }

  /** See {@linkcode ConfigurationStore.heads}. */
  heads(query: RevisionQuery): readonly (RevisionHead & { readonly changeCount: number })[] {
    const { before = Infinity, after = 0, key, limit } = query;
    const named = key && keyText(key);
    return this.#revisions
      .filter(({ id, changes }) =>
        id < before && id > after &&
        (named === undefined || changes.some((change) => keyText(change.key) === named))
      )
      .toReversed().slice(0, limit)
      .map(({ changes, ...head }) => ({ ...head, changeCount: changes.length }));
  }

  /** See {@linkcode ConfigurationStore.revision}. */
  revision(id: number): Revision | undefined {
    return this.#revisions.find((revision) => revision.id === id);
  }

  /** See {@linkcode ConfigurationStore.oldestRevision}. */
  oldestRevision(): number {
    return this.#revisions[0]?.id ?? 0;
  }

  /** See {@linkcode ConfigurationStore.content}. */
  content(version: string, name: string): Resource | undefined {
    const found = this.#contents.get(version);
    return found && { ...found, name };
  }

  /** See {@linkcode ConfigurationStore.close}. */
  close(): void {
    this.#contents.clear();
  }

  #putEdit(edit: SlotEdit): void {
    if (edit.layer !== "api" && edit.layer !== "pin") return;
    const text = `${edit.layer} ${slotText(edit)}`;
    if (edit.entry === undefined) this.#edits.delete(text);
    else this.#edits.set(text, edit);
  }

  #putRevision(revision: Revision): void {
    this.#revisions.push(revision);
    for (const { key, selector, after } of revision.changes) {
      const text = slotText({ key, selector });
      if (after === undefined) this.#served.delete(text);
      else this.#served.set(text, { key, selector, content: after });
    }
    if (this.#revisions.length <= this.#keep) return;
    this.#revisions = this.#revisions.slice(-this.#keep);
    this.#forgetContents();
  }

  #forgetContents(): void {
    const named = new Set<string | undefined>();
    for (const { changes } of this.#revisions) {
      for (const { before, after } of changes) named.add(before?.version).add(after?.version);
    }
    for (const { content } of this.#served.values()) named.add(content?.version);
    for (const version of this.#contents.keys()) {
      if (!named.has(version)) this.#contents.delete(version);
    }
  }
}
