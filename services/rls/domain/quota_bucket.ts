// SPDX-License-Identifier: Apache-2.0
/**
 * What a quota bucket is called: a map whose order does not matter, of bounded size.
 * @module
 */
import type { RequestEntry } from "./descriptor_matcher.ts";

/** Most entries of a bucket id. */
export const MAX_BUCKET_ENTRIES = 16;
/** Most characters of all keys and values of a bucket id. */
export const MAX_BUCKET_CHARACTERS = 1024;

/** A bucket, named by `envoy.service.rate_limit_quota.v3.BucketId`. */
export interface QuotaBucket {
  /** Equal for equal buckets, whatever the order of their entries. */
  readonly key: string;
  /** Its entries in the order of their keys. */
  readonly entries: readonly RequestEntry[];
}

/**
 * Returns the bucket of an id; undefined when it has no entries, an empty key or value (as the
 * API's validation rules forbid), too many entries or too many characters.
 */
export function quotaBucketOf(id: Readonly<Record<string, string>>): QuotaBucket | undefined {
  const keys = Object.keys(id);
  if (keys.length === 0 || keys.length > MAX_BUCKET_ENTRIES) return undefined;
  const entries = keys.sort().map((key) => ({ key, value: id[key] ?? "" }));
  let characters = 0;
  for (const { key, value } of entries) {
    if (key === "" || value === "") return undefined;
    characters += key.length + value.length;
  }
  if (characters > MAX_BUCKET_CHARACTERS) return undefined;
  return { key: JSON.stringify(entries.flatMap(({ key, value }) => [key, value])), entries };
}
