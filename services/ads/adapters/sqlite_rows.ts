// SPDX-License-Identifier: Apache-2.0
/**
 * How values of the domain look in rows of `ads.db`, in both directions. What was written by this
 * program is trusted to be what it was; SQLite itself finds damaged pages.
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import type { Resource } from "@denvoy/xds";
import type { Registration } from "../domain/registration.ts";
import type { SlotContent } from "../domain/revision.ts";
import type { Row } from "@denvoy/runtime";

/** Returns the columns version, type_url, ttl_ms, value, refs. */
export function contentFields(resource: Resource): SQLInputValue[] {
  const { version, typeUrl, ttlMs = null, value, references } = resource;
  const refs = JSON.stringify(references.map((reference) => [reference.typeUrl, reference.name]));
  return [version, typeUrl, ttlMs, value, refs];
}

/** Returns the resource of the columns of {@linkcode contentFields}. */
export function contentOf(row: Row, name: string): Resource {
  const refs: readonly (readonly [string, string])[] = JSON.parse(String(row.refs));
  return {
    typeUrl: String(row.type_url),
    name,
    version: String(row.version),
    value: row.value instanceof Uint8Array ? row.value : new Uint8Array(0),
    references: refs.map(([typeUrl, target]) => ({ typeUrl, name: target })),
    ...(row.ttl_ms === null ? {} : { ttlMs: Number(row.ttl_ms) }),
  };
}

/** Returns what a slot served; undefined when both columns are null. */
export function slotContentOf(version: unknown, owner: unknown): SlotContent | undefined {
  if (owner !== "files" && owner !== "api" && owner !== "pin") return undefined;
  return { owner, ...(typeof version === "string" && { version }) };
}

/** Returns the registration of the column `spec`. */
export function registrationOf(row: Row): Registration {
  return JSON.parse(String(row.spec));
}
