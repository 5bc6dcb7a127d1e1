// SPDX-License-Identifier: Apache-2.0
/**
 * Lists that are read page by page: in the order of a key, each page after the last key of the one
 * before, so that what comes and goes meanwhile shifts nothing.
 * @module
 */
import type { QueryParameters } from "./query_parameter.ts";
import type { JsonSchema } from "./route.ts";

/** Query parameters of such a list. */
export const pageQuery = {
  limit: { type: "integer", min: 1, max: 10_000, default: 10_000, doc: "At most so many." },
  after: { type: "string", doc: "Where to go on, from `next`." },
} as const satisfies QueryParameters;

/** Which page of what. */
export interface PageOptions<T> {
  /** Most items of the page. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after: string | undefined;
  /** What an item is ordered by; no two have the same. */
  readonly keyOf: (item: T) => string;
}

/** A page of a list. */
export interface Page<T> {
  /** The items, in the order of their keys. */
  readonly items: readonly T[];
  /** `after` of the next page, for the answer; empty when this is the last one. */
  readonly next: { readonly next?: string };
}

/** Returns one page of items that come in any order. */
export function pageOf<T>(all: Iterable<T>, { limit, after, keyOf }: PageOptions<T>): Page<T> {
  const rest = Array.from(all, (item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => a.key < b.key ? -1 : 1);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    next: rest.length > shown.length && last !== undefined ? { next: last.key } : {},
  };
}

/** Returns the schema of an answer with a list of this name, and `next` when there is more. */
export function pageSchema(name: string, items: JsonSchema): JsonSchema {
  return {
    type: "object",
    required: [name],
    properties: { [name]: { type: "array", items }, next: { type: "string" } },
  };
}

/** Returns the schema of an answer with a whole list of this name. */
export function listSchema(name: string, items: JsonSchema): JsonSchema {
  return {
    type: "object",
    required: [name],
    properties: { [name]: { type: "array", items } },
  };
}
