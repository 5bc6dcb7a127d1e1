// SPDX-License-Identifier: Apache-2.0
/**
 * What all routes of the API work with, and how they read what all requests have in common.
 * @module
 */
import { type Clock, ProblemError, StatusCode, StatusError } from "@denvoy/base";
import type { ApiRequest } from "@denvoy/runtime";
import type { Configuration } from "../domain/configuration.ts";
import type { ConsistencyPolicy } from "../domain/consistency.ts";
import { everyNode, type NodeSelector } from "../domain/node_selector.ts";
import { type ResourceType, resourceTypeByWord, resourceTypes } from "../domain/resource_types.ts";
import { parseSelectorText } from "../domain/selector_parser.ts";

/** What the API is made of. */
export interface ApiParts {
  /** What is read and written. */
  readonly configuration: Configuration;
  /** Where time comes from. */
  readonly clock: Clock;
  /** What a write does that would break a reference. */
  readonly writePolicy: ConsistencyPolicy;
  /** How long a registered endpoint lives without a heartbeat unless it says otherwise. */
  readonly endpointTtlMs: number;
  /** Stays the same for as long as replicas lose nothing; empty where there are none. */
  readonly sharedId: () => string;
}

/** Media types of bodies that hold resources. */
export const resourceMediaTypes: readonly string[] = [
  "application/json",
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
];

/** Returns the type that an address names. @throws StatusError NOT_FOUND */
export function typeOf(word: string): ResourceType {
  const type = resourceTypeByWord(word);
  if (type !== undefined) return type;
  const known = resourceTypes.map(({ plural }) => plural).join(", ");
  const message = `there is no type "${word}", expected one of ${known} or a type URL`;
  throw new StatusError(StatusCode.NOT_FOUND, message);
}

/** Returns how a body is to be read: as JSON when it says so, else as YAML, which JSON is, too. */
export function bodyFormat({ headers }: Pick<ApiRequest, "headers">): "json" | "yaml" {
  return headers.get("content-type")?.startsWith("application/json") ? "json" : "yaml";
}

/** Returns the selector of a query parameter; every node without one. @throws ProblemError */
export function selectorOf(text: string | undefined): NodeSelector {
  if (text === undefined || text === "") return everyNode;
  const parsed = parseSelectorText(text);
  if (parsed.ok) return parsed.value;
  throw new ProblemError(parsed.error);
}
