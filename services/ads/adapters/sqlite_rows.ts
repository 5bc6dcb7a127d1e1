// SPDX-License-Identifier: Apache-2.0
/**
 * How values of the domain look in rows of `ads.db`, in both directions. What was written by this
 * program is trusted to be what it was; SQLite itself finds damaged pages.
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "../domain/catalog.ts";
import { everyNode, type NodeSelector } from "../domain/node_selector.ts";
import type { Registration } from "../domain/registration.ts";
import type { SlotContent } from "../domain/revision.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import { parseNodeSelector, selectorToJson } from "../domain/selector_parser.ts";
import type { Row } from "@denvoy/runtime";

/** Returns the text of a selector. */
export function selectorText(selector: NodeSelector): string {
  return JSON.stringify(selectorToJson(selector));
}

/** Returns the selector of a text. */
export function selectorOf(text: string): NodeSelector {
  const json: unknown = JSON.parse(text);
  if (Array.isArray(json) && json.length === 0) return everyNode;
  const parsed = parseNodeSelector(json);
  if (parsed.ok) return parsed.value;
  throw new TypeError(`cannot read a node selector as it is none: ${text}`);
}

/** Returns the columns version, type_url, ttl_ms, value, refs. */
export function contentFields(resource: Resource): SQLInputValue[] {
  const { version, typeUrl, ttlMs = null, value, references } = resource;
  const refs = JSON.stringify(references.map((reference) => [reference.typeUrl, reference.name]));
  return [version, typeUrl, ttlMs, value, refs];
}

/** Returns the resource of the columns of {@linkcode contentFields}. */
export function contentOf(row: Row, name: string): Resource {
  const refs: readonly (readonly [string, string])[] = JSON.parse(String(row.refs));
  return {
    typeUrl: String(row.type_url),
    name,
    version: String(row.version),
    value: row.value instanceof Uint8Array ? row.value : new Uint8Array(0),
    references: refs.map(([typeUrl, target]) => ({ typeUrl, name: target })),
    ...(row.ttl_ms === null ? {} : { ttlMs: Number(row.ttl_ms) }),
  };
}

/** Returns what a slot served; undefined when both columns are null. */
export function slotContentOf(version: unknown, owner: unknown): SlotContent | undefined {
  if (owner !== "files" && owner !== "api" && owner !== "pin") return undefined;
  return { owner, ...(typeof version === "string" && { version }) };
}

/** Returns the registration of the column `spec`. */
export function registrationOf(row: Row): Registration {
  return JSON.parse(String(row.spec));
}

interface StoredEdit {
  readonly key: SlotEdit["key"];
  readonly selector: string;
  readonly who?: string;
  readonly atMs?: number;
  readonly resource?: Omit<Resource, "value"> & { readonly value: string };
}

/** Returns the text of a rollout; its contents are in it, so that nothing else need keep them. */
export function rolloutText(record: RolloutRecord): string {
  const edits = record.edits.flatMap((edit): StoredEdit[] => {
    if (edit.layer !== "api") return [];
    const { key, entry } = edit;
    const slot = { key, selector: selectorText(edit.selector) };
    if (entry === undefined) return [slot];
    const { resource, who, atMs } = entry;
    return [{ ...slot, who, atMs, resource: { ...resource, value: resource.value.toBase64() } }];
  });
  return JSON.stringify({ ...record, audience: selectorText(record.audience), edits });
}

/** Returns the rollout of the column `record`. */
export function rolloutOf(row: Row): RolloutRecord {
  const stored = JSON.parse(String(row.record));
  const edits = stored.edits.map((edit: StoredEdit): SlotEdit => {
    const { key, who = "", atMs = 0, resource } = edit;
    const slot = { key, selector: selectorOf(edit.selector) };
    if (resource === undefined) return { ...slot, layer: "api", entry: undefined };
    const value = Uint8Array.fromBase64(resource.value);
    return { ...slot, layer: "api", entry: { resource: { ...resource, value }, who, atMs } };
  });
  return { ...stored, audience: selectorOf(stored.audience), edits };
}
