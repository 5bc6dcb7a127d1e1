// SPDX-License-Identifier: Apache-2.0
/**
 * How slots, resources and their changes look in answers. Secrets are never in them: fields that the
 * API marks as sensitive are shown as `[redacted]`, in differences too.
 * @module
 */
import { isoTime } from "@denvoy/base";
import { messageFromBinary, toJson, toYaml } from "@denvoy/proto";
import type { Resource } from "@denvoy/xds";
import type { NodeSelector } from "../domain/node_selector.ts";
import { resourceType } from "../domain/resource_types.ts";
import type { SlotContent, SlotDifference } from "../domain/revision.ts";
import { selectorToJson } from "../domain/selector_parser.ts";
import { type KeyState, settled, type Slot, type SlotRef } from "../domain/slot.ts";
import { unifiedDiff } from "../domain/text_diff.ts";

/** A JSON object of an answer. */
export type Json = Readonly<Record<string, unknown>>;

/** Returns the word for a type in addresses. */
export function pluralOf(typeUrl: string): string {
  return resourceType(typeUrl)?.plural ?? typeUrl;
}

/** Returns the `nodes` of a slot; nothing for every node. */
export function nodesJson(selector: NodeSelector): Json {
  return selector.clauses.length === 0 ? {} : { nodes: selectorToJson(selector) };
}

/** Returns type, name and nodes of a slot. */
export function slotRefJson({ key, selector }: SlotRef): Json {
  const { typeUrl, name } = key;
  return { type: pluralOf(typeUrl), typeUrl, name, ...nodesJson(selector) };
}

/** Returns what a slot serves and from where, without the resource itself. */
export function slotJson(state: KeyState, slot: Slot): Json {
  const content = settled(slot);
  const resource = content?.resource;
  return {
    ...slotRefJson({ key: state, selector: slot.selector }),
    ...(resource && { version: resource.version }),
    owner: content?.owner ?? "rollout",
    ...(resource?.ttlMs !== undefined && { ttl: `${resource.ttlMs / 1000}s` }),
    ...(slot.files && { file: fileText(slot.files.place) }),
    ...(slot.api && { who: slot.api.who, at: isoTime(slot.api.atMs) }),
    ...(slot.pin && { pinnedToRevision: slot.pin.revision, hidden: resource === undefined }),
    ...(slot.canary && { rollout: slot.canary.rollout }),
    ...(state.overlay && { registeredEndpoints: state.overlay.endpoints.length }),
  };
}

/** Returns a message as canonical JSON with its `@type`. */
export function resourceJson({ typeUrl, value }: Resource): unknown {
  return toJson(messageFromBinary(typeUrl, value), { redact: true });
}

/** Returns a message as YAML with its `@type`. */
export function resourceYaml({ typeUrl, value }: Resource): string {
  return toYaml(messageFromBinary(typeUrl, value), { redact: true });
}

/** Returns the content with a version, if it is still known. */
export type ContentLookup = (version: string, name: string) => Resource | undefined;

/** Returns a change with the versions before and after. */
export function changeJson(change: SlotDifference): Json {
  const { before, after } = change;
  return {
    ...slotRefJson(change),
    what: before === undefined ? "added" : after === undefined ? "removed" : "changed",
    ...(before && { before: contentJson(before) }),
    ...(after && { after: contentJson(after) }),
  };
}

/** Returns the unified diff of a change; empty when only redacted content or the TTL differs. */
export function changeDiff(change: SlotDifference, content: ContentLookup): string {
  const { key, selector, before, after } = change;
  const nodes = selector.key === "" ? "" : ` (nodes ${selector.key})`;
  const name = `${pluralOf(key.typeUrl)}/${key.name}${nodes}`;
  return unifiedDiff(
    { before: textOf(before, key.name, content), after: textOf(after, key.name, content) },
    { oldName: `${name} ${before?.version ?? ""}`, newName: `${name} ${after?.version ?? ""}` },
  );
}

function contentJson({ version, owner }: SlotContent): Json {
  return { ...(version !== undefined && { version }), owner };
}

function textOf(
  content: SlotContent | undefined,
  ...[name, lookup]: [string, ContentLookup]
): string | undefined {
  if (content?.version === undefined) return undefined;
  const resource = lookup(content.version, name);
  return resource === undefined ? "# this content is no longer kept\n" : resourceYaml(resource);
}

function fileText({ file, line }: { readonly file: string; readonly line?: number }): string {
  return line === undefined ? file : `${file}:${line}`;
}
