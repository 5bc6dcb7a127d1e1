// SPDX-License-Identifier: Apache-2.0
/**
 * Brings a message into the form whose bytes depend on its content only: maps by key, also in Structs
 * and within an Any.
 * @module
 */
import { type DescField, type JsonValue, type Message, toBinary } from "@bufbuild/protobuf";
import { contentOf, type Described, isAny, localValue } from "./described.ts";
import { setOwn } from "./plain.ts";
import type { Registry } from "./registry.ts";

/** An Any in an Any in an Any … deeper than this stays as it came. */
const MAX_ANY_DEPTH = 32;

/** Reorders the maps of a message in place. */
export function canonicalize(registry: Registry, target: Described): void {
  new Canonicalizer(registry).message(target, 0);
}

class Canonicalizer {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  message({ desc, message }: Described, anyDepth: number): void {
    if (isAny(message)) {
      if (anyDepth === MAX_ANY_DEPTH) return;
      const content = contentOf(this.#registry, message);
      if (content === undefined) return;
      this.message(content, anyDepth + 1);
      message.value = toBinary(content.desc, content.message);
      return;
    }
    for (const field of desc.fields) {
      if (field.message === undefined && field.fieldKind !== "map") continue;
      const value = localValue(field, message);
      if (value !== undefined) setLocalValue(field, message, this.#field(field, value, anyDepth));
    }
  }

  #field(field: DescField, value: unknown, anyDepth: number): unknown {
    if (field.fieldKind === "list") {
      return (value as unknown[]).map((item) => this.#value(field, item, anyDepth));
    }
    if (field.fieldKind !== "map") return this.#value(field, value, anyDepth);
    const sorted: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value as object).sort(byKey)) {
      setOwn(sorted, key, this.#value(field, item, anyDepth));
    }
    return sorted;
  }

  #value(field: DescField, value: unknown, anyDepth: number): unknown {
    if (field.message === undefined || typeof value !== "object" || value === null) return value;
    if (value instanceof Uint8Array) return value;
    if (!("$typeName" in value)) return sortJson(value as JsonValue);
    this.message({ desc: field.message, message: value as Message }, anyDepth);
    return value;
  }
}

function setLocalValue(field: DescField, message: Message, value: unknown): void {
  const fields = message as unknown as Record<string, unknown>;
  if (field.oneof) fields[field.oneof.localName] = { case: field.localName, value };
  else fields[field.localName] = value;
}

/** Returns a JSON value with the keys of all its maps in order. */
export function sortJson(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortJson);
  const sorted: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value).sort(byKey)) setOwn(sorted, key, sortJson(item));
  return sorted;
}

/** Compares entries by key, code unit by code unit. */
export function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
