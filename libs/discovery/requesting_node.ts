// SPDX-License-Identifier: Apache-2.0
/**
 * Reads an Envoy node off a request: what selectors look at, and what people are shown.
 * @module
 */
import type { Node, Struct, Value } from "@denvoy/proto/messages";

/** A node as people are shown it. */
export interface RequestingNode {
  /** `node.id`. */
  readonly id: string;
  /** `node.cluster`. */
  readonly cluster: string;
  /** `node.locality`; absent parts are empty strings. */
  readonly locality: {
    /** Region, e.g. `eu-west-1`. */
    readonly region: string;
    /** Zone within the region. */
    readonly zone: string;
    /** Part of the zone. */
    readonly subZone: string;
  };
  /** `node.metadata` as plain JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Name and version of the client, e.g. `envoy 1.40.0`; empty when it did not say. */
  readonly userAgent: string;
}

/** Returns the node of a request; what it did not say is empty. */
export function requestingNode(node: Node | undefined): RequestingNode {
  return {
    id: node?.id ?? "",
    cluster: node?.cluster ?? "",
    locality: {
      region: node?.locality?.region ?? "",
      zone: node?.locality?.zone ?? "",
      subZone: node?.locality?.subZone ?? "",
    },
    metadata: plainStruct(node?.metadata),
    userAgent: [node?.userAgentName, userAgentVersion(node)].filter(Boolean).join(" "),
  };
}

function userAgentVersion(node: Node | undefined): string {
  const version = node?.userAgentBuildVersion?.version;
  if (version === undefined) return node?.userAgentVersion ?? "";
  return `${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}

function plainStruct(struct: Struct | undefined): Readonly<Record<string, unknown>> {
  const entries = Object.entries(struct?.fields ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: Value): unknown {
  if (value.structValue !== undefined) return plainStruct(value.structValue);
  if (value.listValue !== undefined) return value.listValue.values.map(plainValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}
