// SPDX-License-Identifier: Apache-2.0
/**
 * How values of the domain look as texts in Redis, in both directions. What another replica wrote is
 * trusted to be what it was; all replicas of one store run the same version of the program, or the
 * next one.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "../domain/catalog.ts";
import type { Revision, RevisionChange, SlotAt } from "../domain/revision.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import { type FilePlace, type SlotRef, slotText } from "../domain/slot.ts";
import { rolloutOf, rolloutText, selectorOf, selectorText } from "./stored_texts.ts";

/** Layers whose entries replicas share. */
export type SharedLayer = "files" | "api" | "pin";

/** An entry of a layer, its content by version. */
interface StoredEntry {
  readonly key: SlotRef["key"];
  readonly selector: string;
  readonly layer: SharedLayer;
  /** Counts up, so that entries come back in the order in which they were written. */
  readonly order: number;
  readonly version?: string;
  readonly place?: FilePlace;
  readonly who?: string;
  readonly atMs?: number;
  readonly fileVersion?: string;
  readonly revision?: number;
}

/** Returns the field of an entry. */
export function entryField(edit: SlotEdit): string {
  return `${edit.layer} ${slotText(edit)}`;
}

/** Returns the text of an entry; undefined for none, and for a layer that is not shared. */
export function entryText(edit: SlotEdit, order: number): string | undefined {
  if (edit.entry === undefined || edit.layer === "canary") return undefined;
  const { key, layer, entry: { resource, ...entry } } = edit;
  const version = resource === undefined ? {} : { version: resource.version };
  const selector = selectorText(edit.selector);
  const stored: StoredEntry = { key, selector, layer, order, ...version, ...entry };
  return JSON.stringify(stored);
}

/** What must be known of an entry to let go of it. */
export interface EntryHead {
  /** The edit that takes it away. */
  readonly removal: SlotEdit;
  /** The version of its content; absent for a pin that hides a slot. */
  readonly version?: string;
}

/** Returns the head of an entry. */
export function entryHead(text: string): EntryHead {
  const { key, selector, layer, version } = JSON.parse(text) as StoredEntry;
  const removal: SlotEdit = { key, selector: selectorOf(selector), layer, entry: undefined };
  return { removal, ...(version !== undefined && { version }) };
}

/** What is told of a version. */
export type ContentOf = (version: string, name: string) => Resource | undefined;

/** Returns an entry and its order. */
export function entryOf(text: string, contentOf: ContentOf): readonly [SlotEdit, number] {
  const stored = JSON.parse(text) as StoredEntry;
  const { key, layer, order, version, place, who, atMs, fileVersion, revision } = stored;
  const slot = { key, selector: selectorOf(stored.selector) };
  const resource = version === undefined ? undefined : contentOf(version, key.name);
  if (layer === "pin") {
    const rest = { ...(fileVersion !== undefined && { fileVersion }), revision: revision ?? 0 };
    return [{ ...slot, layer, entry: { ...(resource && { resource }), ...rest } }, order];
  }
  if (resource === undefined) {
    throw new TypeError(
      `the content of ${entryField({ ...slot, layer, entry: undefined })} is missing`,
    );
  }
  if (layer === "api") {
    return [{ ...slot, layer, entry: { resource, who: who ?? "", atMs: atMs ?? 0 } }, order];
  }
  return [{ ...slot, layer, entry: { resource, place: place ?? { file: "" } } }, order];
}

/** A content without its name. */
interface StoredContent {
  readonly typeUrl: string;
  readonly ttlMs?: number;
  readonly references: Resource["references"];
  readonly value: string;
}

/** Returns the text of a content; its field is its version. */
export function contentText({ typeUrl, ttlMs, references, value }: Resource): string {
  const ttl = ttlMs === undefined ? {} : { ttlMs };
  const stored: StoredContent = { typeUrl, ...ttl, references, value: value.toBase64() };
  return JSON.stringify(stored);
}

/** Returns a content, without a name. */
export function contentOf(version: string, text: string): Resource {
  const { typeUrl, value, references, ttlMs } = JSON.parse(text) as StoredContent;
  const ttl = ttlMs === undefined ? {} : { ttlMs };
  return { typeUrl, name: "", version, value: Uint8Array.fromBase64(value), references, ...ttl };
}

/** Returns the text of what a slot serves. */
export function servedText(slot: SlotAt): string {
  return JSON.stringify({ ...slot, selector: selectorText(slot.selector) });
}

/** Returns what a slot serves. */
export function servedOf(text: string): SlotAt {
  const stored = JSON.parse(text);
  return { ...stored, selector: selectorOf(stored.selector) };
}

/** Returns the text of a revision. */
export function revisionText(revision: Revision): string {
  const changes = revision.changes
    .map((change) => ({ ...change, selector: selectorText(change.selector) }));
  return JSON.stringify({ ...revision, changes });
}

/** Returns a revision. */
export function revisionOf(text: string): Revision {
  const stored = JSON.parse(text);
  const changes = stored.changes.map((change: RevisionChange & { selector: string }) => ({
    ...change,
    selector: selectorOf(change.selector),
  }));
  return { ...stored, changes };
}

/** Returns the text of a rollout that stays what it is. */
export function rolloutPlanText(record: RolloutRecord): string {
  return rolloutText(record);
}

/** Returns the text of how a rollout is. */
export function rolloutStateText({ state, revision }: RolloutRecord, order: number): string {
  return JSON.stringify({ state, order, ...(revision !== undefined && { revision }) });
}

/** Returns a rollout of both its texts, and its order. */
export function rolloutOfTexts(plan: string, state: string): readonly [RolloutRecord, number] {
  return withRolloutState(rolloutOf(plan), state);
}

/** Returns a rollout as another text of how it is says, and its order. */
export function withRolloutState(
  record: RolloutRecord,
  text: string,
): readonly [RolloutRecord, number] {
  const { order, ...rest } = JSON.parse(text);
  return [{ ...record, ...rest }, order];
}
