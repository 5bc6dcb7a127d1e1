// SPDX-License-Identifier: Apache-2.0
/**
 * Which file gives which resource. Finds names that are given twice, and turns files that changed
 * into edits; both cost what the changed files hold, not what all files hold.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { SlotEdit } from "./catalog.ts";
import type { ResourceDraft } from "./resource_document.ts";
import { describeKey } from "./resource_types.ts";
import { type SlotRef, slotText } from "./slot.ts";

/** Files with the resources in them; undefined for a file that is gone. */
export type FileChanges = ReadonlyMap<string, readonly ResourceDraft[] | undefined>;

/** A change that can be kept or dropped. */
export interface StagedFiles {
  /** What it does to the layer of files. */
  readonly edits: readonly SlotEdit[];
  /** Names that would be given twice; the change must not be kept then. */
  readonly problems: readonly Problem[];
  /** Keeps the change. */
  keep(): void;
}

interface Giver {
  readonly file: string;
  readonly draft: ResourceDraft;
}

/** The files that are served. */
export class FileSet {
  readonly #files = new Map<string, readonly ResourceDraft[]>();
  readonly #givers = new Map<string, Giver>();

  /** Names of the files that are served. */
  files(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** Tells whether a file is served. */
  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Returns what it would mean if these files changed as said. */
  stage(changes: FileChanges): StagedFiles {
    const slots = this.#slotsBefore(changes);
    const problems: Problem[] = [];
    const givers = new Map<string, Giver>();
    for (const [file, drafts] of changes) {
      for (const draft of drafts ?? []) {
        const slot = slotOf(draft);
        const text = slotText(slot);
        slots.set(text, slot);
        const other = givers.get(text) ?? this.#unchangedGiver(text, changes);
        if (other !== undefined) problems.push(duplicate({ file, draft }, other));
        else givers.set(text, { file, draft });
      }
    }
    const edits = [...slots].map(([text, slot]) => editOf(slot, givers.get(text)));
    return { edits, problems, keep: () => this.#keep({ changes, slots, givers }) };
  }

  #slotsBefore(changes: FileChanges): Map<string, SlotRef> {
    const slots = new Map<string, SlotRef>();
    for (const file of changes.keys()) {
      for (const draft of this.#files.get(file) ?? []) {
        const slot = slotOf(draft);
        slots.set(slotText(slot), slot);
      }
    }
    return slots;
  }

  #unchangedGiver(text: string, changes: FileChanges): Giver | undefined {
    const giver = this.#givers.get(text);
    return giver === undefined || changes.has(giver.file) ? undefined : giver;
  }

  #keep(
    { changes, slots, givers }: {
      changes: FileChanges;
      slots: ReadonlyMap<string, SlotRef>;
      givers: ReadonlyMap<string, Giver>;
    },
  ): void {
    for (const [file, drafts] of changes) {
      if (drafts === undefined) this.#files.delete(file);
      else this.#files.set(file, drafts);
    }
    for (const text of slots.keys()) {
      const giver = givers.get(text);
      if (giver !== undefined) this.#givers.set(text, giver);
      else this.#givers.delete(text);
    }
  }
}

function slotOf({ resource, selector }: ResourceDraft): SlotRef {
  return { key: { typeUrl: resource.typeUrl, name: resource.name }, selector };
}

function editOf({ key, selector }: SlotRef, giver: Giver | undefined): SlotEdit {
  if (giver === undefined) return { key, selector, layer: "files", entry: undefined };
  const { file, draft: { resource, line } } = giver;
  return { key, selector, layer: "files", entry: { resource, place: { file, line } } };
}

function duplicate({ file, draft }: Giver, other: Giver): Problem {
  const { key, selector } = slotOf(draft);
  const nodes = selector.key === "" ? "" : ` for nodes ${selector.key}`;
  const message = `${describeKey(key)}${nodes} is given twice, also at ` +
    `${other.file}:${other.draft.line}`;
  return { severity: "error", message, file, line: draft.line };
}
