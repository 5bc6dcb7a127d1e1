// SPDX-License-Identifier: Apache-2.0
/**
 * Selectors and rollouts as texts, for stores of every kind.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "../domain/catalog.ts";
import { everyNode, type NodeSelector } from "../domain/node_selector.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import { parseNodeSelector, selectorToJson } from "../domain/selector_parser.ts";

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

/** Returns the rollout of such a text. */
export function rolloutOf(text: string): RolloutRecord {
  const stored = JSON.parse(text);
  const edits = stored.edits.map((edit: StoredEdit): SlotEdit => {
    const { key, who = "", atMs = 0, resource } = edit;
    const slot = { key, selector: selectorOf(edit.selector) };
    if (resource === undefined) return { ...slot, layer: "api", entry: undefined };
    const value = Uint8Array.fromBase64(resource.value);
    return { ...slot, layer: "api", entry: { resource: { ...resource, value }, who, atMs } };
  });
  return { ...stored, audience: selectorOf(stored.audience), edits };
}
