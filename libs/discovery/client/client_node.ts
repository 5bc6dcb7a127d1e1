// SPDX-License-Identifier: Apache-2.0
/**
 * Who a client says it is: the Node of the first request of each stream.
 * @module
 */
import { VERSION } from "@denvoy/base";
import type { Init } from "@denvoy/proto";
import type { Node, Struct, Value } from "@denvoy/proto/messages";

/** A node in words; what is left out is empty. */
export interface ClientNode {
  /** `id`: which client it is. */
  readonly id: string;
  /** `cluster`: what kind of client. */
  readonly cluster?: string;
  /** `locality`. */
  readonly locality?: {
    /** Region, e.g. `eu-west-1`. */
    readonly region?: string;
    /** Zone within the region. */
    readonly zone?: string;
    /** Part of the zone. */
    readonly subZone?: string;
  };
  /** `metadata` as plain JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Returns the message. */
export function nodeMessage({ id, cluster, locality, metadata }: ClientNode): Init<Node> {
  return {
    id,
    ...cluster !== undefined && { cluster },
    ...locality !== undefined && { locality },
    ...metadata !== undefined && { metadata: structOf(metadata) },
    userAgentName: "denvoy",
    userAgentVersion: VERSION,
  };
}

/** Returns plain JSON as a message; what JSON does not know is null. */
export function structOf(plain: Readonly<Record<string, unknown>>): Struct {
  const fields = Object.entries(plain).map(([key, value]) => [key, valueOf(value)]);
  return { fields: Object.fromEntries(fields) };
}

function valueOf(value: unknown): Value {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "number":
      return { numberValue: value };
    case "boolean":
      return { boolValue: value };
  }
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  if (typeof value !== "object" || value === null) return { nullValue: 0 };
  return { structValue: structOf(Object.fromEntries(Object.entries(value))) };
}
