// SPDX-License-Identifier: Apache-2.0
/**
 * The node of a first message. Envoy's carries the names of all its extensions (about 60 KB), which
 * nobody reads here.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import { boundedText } from "../domain/bounded_text.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import { WireCursor } from "./wire_cursor.ts";

type Node = MessageOf<"envoy.config.core.v3.Node">;
type Struct = MessageOf<"google.protobuf.Struct">;
type Value = Struct["fields"][string];

const codec = messageCodec("envoy.config.core.v3.Node");
const FIELD_EXTENSIONS = 9;

/** Decodes a node without its extensions. @throws DecodeError or RangeError */
export function decodeNode(bytes: Uint8Array): Node {
  const reader = new WireCursor();
  reader.begin(bytes);
  const kept: Uint8Array[] = [];
  while (reader.position < bytes.length) {
    const start = reader.position;
    const tag = reader.varint();
    reader.skip(tag, bytes.length);
    if (tag >> 3 !== FIELD_EXTENSIONS) kept.push(bytes.subarray(start, reader.position));
  }
  return codec.decode(joinBytes(kept));
}

/** Returns what is kept of a node; `metadataPaths` (`a.b`) name what of its metadata is. */
export function nodeInfoOf(node: Node, metadataPaths: readonly string[]): NodeInfo {
  const metadata = metadataPaths.map((path) => [path, metadataAt(node.metadata, path)] as const);
  return {
    id: boundedText(node.id),
    cluster: boundedText(node.cluster),
    region: boundedText(node.locality?.region ?? ""),
    zone: boundedText(node.locality?.zone ?? ""),
    subZone: boundedText(node.locality?.subZone ?? ""),
    version: versionOf(node),
    metadata: Object.fromEntries(metadata.filter(([, value]) => value !== "")),
  };
}

function versionOf({ userAgentVersion, userAgentBuildVersion }: Node): string {
  const version = userAgentBuildVersion?.version;
  if (version === undefined) return boundedText(userAgentVersion ?? "");
  return `${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}

function metadataAt(metadata: Struct | undefined, path: string): string {
  const [first = "", ...rest] = path.split(".");
  let value: Value | undefined = ownField(metadata, first);
  for (const name of rest) value = ownField(value?.structValue, name);
  if (value?.stringValue !== undefined) return boundedText(value.stringValue);
  const scalar = value?.numberValue ?? value?.boolValue;
  return scalar === undefined ? "" : String(scalar);
}

function ownField(struct: Struct | undefined, name: string): Value | undefined {
  if (struct === undefined || !Object.hasOwn(struct.fields, name)) return undefined;
  return struct.fields[name];
}
