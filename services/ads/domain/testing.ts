// SPDX-License-Identifier: Apache-2.0
/**
 * Small resources and nodes for tests of the domain.
 * @module
 */
import type { Resource, ResourceKey } from "@denvoy/xds";
import { contentVersion } from "@denvoy/xds";
import type { NodeIdentity, NodeSelector } from "./node_selector.ts";
import { everyNode } from "./node_selector.ts";
import { CLUSTER } from "./resource_types.ts";
import { parseSelectorText } from "./selector_parser.ts";

/** Returns a resource whose value is `text`; a cluster unless `typeUrl` says otherwise. */
export function textResource(
  name: string,
  options: { text?: string; typeUrl?: string; references?: readonly ResourceKey[] } = {},
): Resource {
  const { text = name, typeUrl = CLUSTER, references = [] } = options;
  const value = new TextEncoder().encode(text);
  return { typeUrl, name, value, references, version: contentVersion({ typeUrl, value }) };
}

/** Returns the text of a {@linkcode textResource}. */
export function textOf(resource: Resource | undefined): string | undefined {
  return resource && new TextDecoder().decode(resource.value);
}

/** Returns a node with this id, and whatever else is named. */
export function testNode(id: string, fields: Partial<NodeIdentity> = {}): NodeIdentity {
  const locality = { region: "", zone: "", subZone: "" };
  return { id, cluster: "", locality, metadata: {}, ...fields };
}

/** Returns the selector of its one-line form; an empty text is for every node. */
export function testSelector(text: string): NodeSelector {
  if (text === "") return everyNode;
  const parsed = parseSelectorText(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}
