// SPDX-License-Identifier: Apache-2.0
/**
 * Matches nodes as the Client Status Discovery Service asks for them
 * (envoy.type.matcher.v3.NodeMatcher).
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type {
  DoubleMatcher,
  EnvoyTypeMatcherV3StringMatcher as StringMatcher,
  NodeMatcher,
  StructMatcher,
  ValueMatcher,
} from "@denvoy/proto/messages";
import type { NodeIdentity } from "./node_selector.ts";

/**
 * Tells whether a node matches any of the matchers; no matchers match every node.
 * @throws StatusError INVALID_ARGUMENT for a regular expression: one from outside could be made to
 * run for ever
 */
export function matchesAnyNode(matchers: readonly NodeMatcher[], node: NodeIdentity): boolean {
  return matchers.length === 0 || matchers.some((matcher) => matchesNode(matcher, node));
}

function matchesNode({ nodeId, nodeMetadatas }: NodeMatcher, node: NodeIdentity): boolean {
  if (nodeId !== undefined && !matchesString(nodeId, node.id)) return false;
  return nodeMetadatas.every((matcher) => matchesStruct(matcher, node.metadata));
}

function matchesStruct({ path, value }: StructMatcher, metadata: unknown): boolean {
  let found: unknown = metadata;
  for (const { key = "" } of path) {
    const isMap = typeof found === "object" && found !== null && Object.hasOwn(found, key);
    if (!isMap) return matchesValue(value, undefined);
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return matchesValue(value, found);
}

function matchesValue(matcher: ValueMatcher | undefined, value: unknown): boolean {
  if (matcher === undefined) return true;
  if (matcher.nullMatch) return value === null;
  if (matcher.doubleMatch) return typeof value === "number" && inRange(matcher.doubleMatch, value);
  if (matcher.stringMatch) {
    return typeof value === "string" && matchesString(matcher.stringMatch, value);
  }
  if (matcher.boolMatch !== undefined) return value === matcher.boolMatch;
  if (matcher.presentMatch !== undefined) return matcher.presentMatch === (value !== undefined);
  if (matcher.listMatch) {
    return Array.isArray(value) &&
      value.some((item) => matchesValue(matcher.listMatch?.oneOf, item));
  }
  return matcher.orMatch?.valueMatchers.some((other) => matchesValue(other, value)) ?? false;
}

function inRange({ range, exact }: DoubleMatcher, value: number): boolean {
  if (range === undefined) return value === exact;
  return value >= range.start && value < range.end;
}

function matchesString(matcher: StringMatcher, value: string): boolean {
  const fold = (text: string) => matcher.ignoreCase ? text.toLowerCase() : text;
  const subject = fold(value);
  if (matcher.exact !== undefined) return subject === fold(matcher.exact);
  if (matcher.prefix !== undefined) return subject.startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return subject.endsWith(fold(matcher.suffix));
  if (matcher.contains !== undefined) return subject.includes(fold(matcher.contains));
  throw new StatusError(
    StatusCode.INVALID_ARGUMENT,
    "cannot match nodes as a string matcher must be exact, prefix, suffix or contains",
  );
}
