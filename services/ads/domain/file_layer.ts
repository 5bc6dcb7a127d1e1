// SPDX-License-Identifier: Apache-2.0
/**
 * Takes over what files say. The first time after a start, what they say is compared with what was
 * served before the stop, so that the history has no gap; and when files cannot be read then, what
 * they said before the stop goes on being served.
 *
 * Replicas share what files say: whoever sees a change first gives it to all, and to those that see
 * it later it is none any more.
 * @module
 */
import { type Clock, hasErrors } from "@denvoy/base";
import type { LingeringResource, SlotEdit, Touched } from "./catalog.ts";
import type { ChangeOutcome, ConfigurationWriter } from "./configuration_writer.ts";
import { brokenReferences, type ConsistencyPolicy } from "./consistency.ts";
import type { Publisher } from "./publisher.ts";
import { contentOf, type RevisionChange, type SlotAt } from "./revision.ts";
import { type FileEntry, slotText } from "./slot.ts";
import type { ConfigurationStore, StoredConfiguration } from "./store.ts";
import { tiedSelectors } from "./tied_selectors.ts";

/** What the layer works with. */
export interface FileLayerParts {
  /** Where time comes from. */
  readonly clock: Clock;
  /** Who makes revisions. */
  readonly writer: ConfigurationWriter;
  /** Where the catalog is. */
  readonly publisher: Publisher;
  /** Where contents of before the stop are. */
  readonly store: ConfigurationStore;
  /** What broken references in files do. */
  readonly policy: ConsistencyPolicy;
  /** The file or folder that files come from. */
  readonly filesFrom: string;
  /** Whether the catalog has what files said last, as replicas share it. */
  readonly shared: boolean;
}

const WHO = "files";

/** The layer of files. */
export class FileLayer {
  readonly #parts: FileLayerParts;
  /** What each slot served before the stop; undefined once that has been taken over. */
  #before: readonly SlotAt[] | undefined;
  /** Where files came from before the stop. */
  readonly #cameFrom: string;

  /** `stored` is what the store says was served last, and from where. */
  constructor(
    parts: FileLayerParts,
    stored: Pick<StoredConfiguration, "served" | "filesFrom">,
  ) {
    this.#parts = parts;
    this.#before = parts.shared ? undefined : stored.served;
    this.#cameFrom = stored.filesFrom;
  }

  /** Whether files from the same place said anything before the stop. */
  get expectsFiles(): boolean {
    if (this.#parts.shared) return !this.#fileSlots().next().done;
    if (this.#parts.filesFrom !== this.#cameFrom) return false;
    return this.#before?.some(({ content }) => content?.owner === "files") ?? false;
  }

  /** Takes over all that files say, when all of them were read. */
  replace(edits: readonly SlotEdit[], summary: string): ChangeOutcome {
    if (this.#before !== undefined) return this.#first(this.#before, edits);
    const named = new Set(edits.map(slotText));
    const gone = [...this.#fileSlots()].filter((edit) => !named.has(slotText(edit)));
    const outcome = this.change([...edits, ...gone], summary);
    const { shared, publisher: { catalog } } = this.#parts;
    if (shared && outcome.kind === "applied") {
      catalog.setLingering(this.#gone(outcome.revision.changes));
    }
    return outcome;
  }

  /** Takes over what files that changed say; with `policy` in place of the setting. */
  change(
    edits: readonly SlotEdit[],
    summary: string,
    policy: ConsistencyPolicy = this.#parts.policy,
  ): ChangeOutcome {
    const { writer, clock } = this.#parts;
    const news = this.#news(edits);
    const request = { source: "files" as const, who: WHO, summary, edits: news, policy };
    return writer.apply(request, { nowMs: clock.nowMs() });
  }

  /** Goes on serving what files said before the stop; for a start with files that are not usable. */
  keepLast(): void {
    const { publisher, store } = this.#parts;
    const edits = (this.#before ?? []).flatMap(({ key, selector, content }): SlotEdit[] => {
      if (content?.owner !== "files" || content.version === undefined) return [];
      const resource = store.content(content.version, key.name);
      const place = { file: "(before the restart)" };
      return resource ? [{ key, selector, layer: "files", entry: { resource, place } }] : [];
    });
    this.#before = undefined;
    publisher.publish(publisher.catalog.apply(edits));
  }

  /** What is not shared already. */
  #news(edits: readonly SlotEdit[]): readonly SlotEdit[] {
    const { shared, publisher: { catalog } } = this.#parts;
    if (!shared) return edits;
    return edits.filter((edit) => {
      const known = catalog.state(edit.key)?.slot(edit.selector)?.files;
      return edit.layer !== "files" || !isSameEntry(known, edit.entry);
    });
  }

  #first(before: readonly SlotAt[], edits: readonly SlotEdit[]): ChangeOutcome {
    const { publisher, writer, policy, clock } = this.#parts;
    const { catalog } = publisher;
    const pins = this.#endOfPins(edits);
    const change = catalog.apply([...edits, ...pins]);
    const problems = [
      ...tiedSelectors(change.touched),
      ...brokenReferences(catalog, { touched: change.touched, policy }),
    ];
    if (hasErrors(problems)) {
      catalog.revert(change);
      return { kind: "refused", problems };
    }
    const changes = this.#since(before);
    try {
      const revision = writer.record(changes, { who: WHO, nowMs: clock.nowMs(), edits: pins });
      if (this.#parts.filesFrom !== this.#cameFrom) {
        this.#parts.store.commit({ filesFrom: this.#parts.filesFrom });
      }
      this.#before = undefined;
      catalog.setLingering(this.#gone(changes));
      publisher.publish(change);
      return revision === undefined
        ? { kind: "unchanged", problems, changes, contents: new Map() }
        : { kind: "applied", problems, revision };
    } catch (error) {
      catalog.revert(change);
      throw error;
    }
  }

  /** Pins whose file content is another one than when they were set. */
  #endOfPins(edits: readonly SlotEdit[]): readonly SlotEdit[] {
    const files = new Map(edits.map((edit) => [slotText(edit), edit]));
    return [...this.#slots()].flatMap(({ key, slot }): SlotEdit[] => {
      if (slot.pin === undefined) return [];
      const edit = files.get(slotText({ key, selector: slot.selector }));
      const version = edit?.layer === "files" ? edit.entry?.resource.version : undefined;
      if (version === slot.pin.fileVersion) return [];
      return [{ key, selector: slot.selector, layer: "pin", entry: undefined }];
    });
  }

  /** What is served now against what was served before the stop. */
  #since(before: readonly SlotAt[]): readonly RevisionChange[] {
    const old = new Map(before.map((slot) => [slotText(slot), slot]));
    const changes: RevisionChange[] = [];
    for (const { key, slot } of this.#slots()) {
      const { selector } = slot;
      const text = slotText({ key, selector });
      const was = old.get(text)?.content;
      const now = contentOf(slot);
      old.delete(text);
      if (was?.version === now?.version) continue;
      changes.push({ key, selector, ...(was && { before: was }), ...(now && { after: now }) });
    }
    for (const { key, selector, content } of old.values()) {
      if (content !== undefined) changes.push({ key, selector, before: content });
    }
    return changes;
  }

  /** What is not served any more, as it was: nodes have not been told yet. */
  #gone(changes: readonly RevisionChange[]): readonly LingeringResource[] {
    return changes.flatMap(({ key, selector, before, after }) => {
      if (after?.version !== undefined || before?.version === undefined) return [];
      const resource = this.#parts.store.content(before.version, key.name);
      return resource === undefined ? [] : [{ resource, selector }];
    });
  }

  *#fileSlots(): Generator<SlotEdit> {
    for (const { key, slot } of this.#slots()) {
      if (slot.files === undefined) continue;
      yield { key, selector: slot.selector, layer: "files", entry: undefined };
    }
  }

  *#slots(): Generator<
    { key: Touched["key"]; slot: NonNullable<Touched["after"]>["slots"][number] }
  > {
    const { catalog } = this.#parts.publisher;
    for (const typeUrl of catalog.typeUrls()) {
      for (const { name, slots } of catalog.states(typeUrl)) {
        for (const slot of slots) yield { key: { typeUrl, name }, slot };
      }
    }
  }
}

function isSameEntry(a: FileEntry | undefined, b: FileEntry | undefined): boolean {
  return a?.resource.version === b?.resource.version && a?.place.file === b?.place.file &&
    a?.place.line === b?.place.line;
}
