// SPDX-License-Identifier: Apache-2.0
/**
 * The one way in which configuration changes: a change is applied, checked, written down and shown,
 * or taken back as if it had never been. Everything is synchronous, so nobody sees the in-between.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import type { Resource, ResourceKey } from "@denvoy/xds";
import type { CatalogChange, SlotEdit, Touched } from "./catalog.ts";
import type { ChangeLog } from "./change_log.ts";
import { brokenReferences, type ConsistencyPolicy } from "./consistency.ts";
import type { Publisher } from "./publisher.ts";
import { rollbackEdits } from "./rollback.ts";
import {
  contentBefore,
  differences,
  type Revision,
  type RevisionChange,
  type RevisionSource,
  slotChanges,
  type SlotDifference,
} from "./revision.ts";
import type { RolloutRecord, Rollouts } from "./rollouts.ts";
import { describeKey } from "./resource_types.ts";
import { settled, type SlotRef, slotText } from "./slot.ts";
import { tiedSelectors } from "./tied_selectors.ts";
import type { CommitResult, ConfigurationStore, StoreBatch } from "./store.ts";

/** What a caller believes a slot to serve; else the change is not wanted (HTTP If-Match). */
export interface Expectation extends SlotRef {
  /** A version, `any` for anything at all, `none` for nothing. */
  readonly version: string | { readonly kind: "any" | "none" };
}

/** A change that somebody wants. */
export interface ChangeRequest {
  /** What causes it. */
  readonly source: RevisionSource;
  /** Who wants it. */
  readonly who: string;
  /** One line for people. */
  readonly summary: string;
  /** What to write; each slot and layer at most once. */
  readonly edits: readonly SlotEdit[];
  /** What broken references do. */
  readonly policy: ConsistencyPolicy;
  /** What must be so beforehand. */
  readonly expectations?: readonly Expectation[];
}

/**
 * What a change comes to. `refused` breaks a rule, `conflict` is not what the caller expected, `busy`
 * meets a rollout under way; problems of all others are warnings.
 */
export type ChangeOutcome =
  | { readonly kind: "refused"; readonly problems: readonly Problem[] }
  | { readonly kind: "conflict" | "busy"; readonly problems: readonly Problem[] }
  | {
    readonly kind: "unchanged" | "planned";
    readonly problems: readonly Problem[];
    readonly changes: readonly RevisionChange[];
    /** Contents by version, of what the changes name. */
    readonly contents: ReadonlyMap<string, Resource>;
  }
  | {
    readonly kind: "applied";
    readonly problems: readonly Problem[];
    readonly revision: Revision;
  };

/** How a change is applied. */
export interface ApplyOptions {
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** Nothing is changed; the outcome says what would be. */
  readonly dryRun?: boolean;
  /** The rollout that becomes this change. */
  readonly rollout?: RolloutRecord;
  /** Edits of other layers that belong to the change, e.g. the end of a canary. */
  readonly alongside?: readonly SlotEdit[];
}

/** What the writer works with. */
export interface WriterParts {
  /** Where changes go to be seen. */
  readonly publisher: Publisher;
  /** Where they are written down. */
  readonly store: ConfigurationStore;
  /** Who guards slots that change already. */
  readonly rollouts: Rollouts;
  /** Where they are told. */
  readonly log: ChangeLog;
}

/** Applies changes one after another. */
export class ConfigurationWriter {
  readonly #parts: WriterParts;
  #revision: number;

  /** `lastRevision` is the id of the newest revision in the store. */
  constructor(parts: WriterParts, lastRevision: number) {
    this.#parts = parts;
    this.#revision = lastRevision;
  }

  /** Id of the newest revision; 0 when there is none. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Applies a change, or says why not.
   * @throws StatusError UNAVAILABLE when the store cannot write; nothing has changed then.
   */
  apply(request: ChangeRequest, options: ApplyOptions): ChangeOutcome {
    const { catalog } = this.#parts.publisher;
    const blocked = this.#blocked(request, options.rollout);
    if (blocked !== undefined) return blocked;
    const edits = [...request.edits, ...this.#endOfPins(request.edits)];
    const change = catalog.apply([...edits, ...options.alongside ?? []]);
    const problems = [
      ...tiedSelectors(change.touched),
      ...brokenReferences(catalog, { touched: change.touched, policy: request.policy }),
    ];
    const changes = slotChanges(change.touched);
    if (hasErrors(problems)) {
      catalog.revert(change);
      return { kind: "refused", problems };
    }
    if (options.dryRun) {
      catalog.revert(change);
      return { kind: "planned", problems, changes, contents: contentsOf(change.touched) };
    }
    return this.#keep(change, { request: { ...request, edits }, options, changes, problems });
  }

  /** Records what changed while the service was down: the catalog against what it served last. */
  record(
    changes: readonly RevisionChange[],
    { who, nowMs, edits }: { who: string; nowMs: number; edits: readonly SlotEdit[] },
  ): Revision | undefined {
    const { store } = this.#parts;
    if (changes.length === 0) {
      if (edits.length > 0) store.commit({ edits });
      return undefined;
    }
    const summary = this.#revision === 0 ? "first start" : "changes made while not running";
    const head = { id: this.#revision + 1, atMs: nowMs, who, source: "files" as const, summary };
    const revision = { ...head, changes };
    store.commit({ revision, edits, contents: this.#servedContents(changes) });
    this.took(revision);
    return revision;
  }

  /** Counts and tells a revision that the store has and the catalog shows. */
  took(revision: Revision): void {
    this.#revision = revision.id;
    this.#parts.log.add({ kind: "revision", revision }, revision.atMs);
  }

  /** Counts from another history on, of which these are kept, oldest first; tells what is new. */
  follow(revisions: readonly Revision[]): void {
    for (const revision of revisions) if (revision.id > this.#revision) this.took(revision);
    this.#revision = revisions.at(-1)?.id ?? 0;
  }

  /** Goes back to what was served at a revision. */
  rollback(
    revision: number,
    { who, nowMs, dryRun = false }: { who: string; nowMs: number; dryRun?: boolean },
  ): ChangeOutcome {
    const later = this.#revisions(revision, this.#revision);
    if (later === undefined) return this.#notKept(revision);
    const edits = rollbackEdits(this.#parts.publisher.catalog, {
      targets: contentBefore(later).values(),
      content: (version, name) => this.#parts.store.content(version, name),
      revision,
      who,
      nowMs,
    });
    if (!edits.ok) return { kind: "refused", problems: edits.error };
    const summary = `rollback to revision ${revision}`;
    return this.apply(
      { source: "rollback", who, summary, edits: edits.value, policy: "warn" },
      { nowMs, dryRun },
    );
  }

  /** Returns what differs between two revisions; undefined when one of them is not kept. */
  differences(from: number, to: number): readonly SlotDifference[] | undefined {
    const [older, newer] = from <= to ? [from, to] : [to, from];
    const revisions = newer > this.#revision ? undefined : this.#revisions(older, newer);
    if (revisions === undefined) return undefined;
    const forward = differences(revisions);
    return from <= to ? forward : forward.map(({ key, selector, before, after }) => ({
      key,
      selector,
      ...(after ? { before: after } : {}),
      ...(before ? { after: before } : {}),
    }));
  }

  #keep(
    change: CatalogChange,
    { request, options, changes, problems }: {
      request: ChangeRequest;
      options: ApplyOptions;
      changes: readonly RevisionChange[];
      problems: readonly Problem[];
    },
  ): ChangeOutcome {
    const { source, who, summary } = request;
    const id = this.#revision + 1;
    const revision = changes.length === 0
      ? undefined
      : { id, atMs: options.nowMs, who, source, summary, changes };
    const contents = contentsOf(change.touched);
    const kept = this.#commit(change, {
      edits: request.edits,
      contents: [...contents.values()],
      ...(revision ? { revision } : {}),
      ...(options.rollout
        ? { rollouts: [{ ...options.rollout, ...(revision && { revision: id }) }] }
        : {}),
    });
    if (kept === "kept") this.#parts.publisher.publish(change);
    if (revision === undefined) return { kind: "unchanged", problems, changes, contents };
    if (kept === "kept") this.took(revision);
    return { kind: "applied", problems, revision };
  }

  /** Writes a change down, or takes it back where that fails or is not for this replica alone to do. */
  #commit(change: CatalogChange, batch: StoreBatch): CommitResult {
    const { store, publisher: { catalog } } = this.#parts;
    try {
      const kept = store.commit(batch);
      if (kept === "proposed") catalog.revert(change);
      return kept;
    } catch (error) {
      catalog.revert(change);
      throw error;
    }
  }

  #blocked(request: ChangeRequest, own: RolloutRecord | undefined): ChangeOutcome | undefined {
    const unmet = (request.expectations ?? []).flatMap((expectation) => this.#unmet(expectation));
    if (unmet.length > 0) return { kind: "conflict", problems: unmet };
    const busy = request.edits.flatMap((edit) => this.#busy(edit, own));
    return busy.length > 0 ? { kind: "busy", problems: busy } : undefined;
  }

  #busy(edit: SlotEdit, own: RolloutRecord | undefined): readonly Problem[] {
    const rollout = this.#parts.rollouts.changing(edit);
    if (rollout === undefined || rollout.id === own?.id || edit.layer === "files") return [];
    const message = `cannot change ${describeKey(edit.key)} while rollout ${rollout.id} changes ` +
      "it: promote or abort that first";
    return [{ severity: "error", message }];
  }

  #unmet({ key, selector, version }: Expectation): readonly Problem[] {
    const slot = this.#parts.publisher.catalog.state(key)?.slot(selector);
    const actual = slot && settled(slot)?.resource?.version;
    const met = typeof version === "string"
      ? actual === version
      : (actual === undefined) === (version.kind === "none");
    if (met) return [];
    const wanted = typeof version === "string" ? version : version.kind;
    const message = `cannot change ${describeKey(key)} as its version must be ${wanted}: ` +
      `current value is ${actual ?? "none"}`;
    return [{ severity: "error", message }];
  }

  /** A pin ends when something else is written to its slot, or what it covers in a file changes. */
  #endOfPins(edits: readonly SlotEdit[]): readonly SlotEdit[] {
    const pinned = new Set(edits.flatMap((edit) => edit.layer === "pin" ? [slotText(edit)] : []));
    return edits.flatMap((edit): SlotEdit[] => {
      const { key, selector } = edit;
      const pin = this.#parts.publisher.catalog.state(key)?.slot(selector)?.pin;
      if (pin === undefined || pinned.has(slotText(edit))) return [];
      if (edit.layer === "files" && edit.entry?.resource.version === pin.fileVersion) return [];
      return [{ key, selector, layer: "pin", entry: undefined }];
    });
  }

  /** Returns the revisions after `older` up to `newer`, newest first; undefined when one is gone. */
  #revisions(older: number, newer: number): readonly Revision[] | undefined {
    const { store } = this.#parts;
    const oldest = store.oldestRevision();
    if (older > this.#revision || older + 1 < oldest) return undefined;
    const revisions: Revision[] = [];
    for (let id = newer; id > older; id--) {
      const revision = store.revision(id);
      if (revision === undefined) return undefined;
      revisions.push(revision);
    }
    return revisions;
  }

  #notKept(revision: number): ChangeOutcome {
    const oldest = Math.max(0, this.#parts.store.oldestRevision() - 1);
    const message = `cannot go back to revision ${revision} as only ${oldest} to ` +
      `${this.#revision} are kept`;
    return { kind: "refused", problems: [{ severity: "error", message }] };
  }

  #servedContents(changes: readonly RevisionChange[]): readonly Resource[] {
    return changes.flatMap(({ key, selector }) => {
      const slot = this.#parts.publisher.catalog.state(key)?.slot(selector);
      const resource = slot && settled(slot)?.resource;
      return resource === undefined ? [] : [resource];
    });
  }
}

/** Returns what the touched slots serve before and after, by version. */
function contentsOf(touched: readonly Touched[]): ReadonlyMap<string, Resource> {
  const contents = new Map<string, Resource>();
  for (const { before, after } of touched) {
    for (const state of [before, after]) {
      for (const slot of state?.slots ?? []) {
        const resource = settled(slot)?.resource;
        if (resource !== undefined) contents.set(resource.version, resource);
      }
    }
  }
  return contents;
}

/** Returns the keys that changes name, each once. */
export function changedKeys(changes: readonly RevisionChange[]): readonly ResourceKey[] {
  return [...new Map(changes.map(({ key }) => [`${key.typeUrl} ${key.name}`, key])).values()];
}
