// SPDX-License-Identifier: Apache-2.0
/**
 * Writes messages as people read them: canonical proto3 JSON with the field names of the .proto files,
 * as in Envoy's own YAML and config dumps, with every Any spelled out.
 * @module
 */
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
  toJson as bufToJson,
} from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { stringify } from "yaml";
import { type FieldEntry, hasOwnJsonForm, isWrapper } from "./field_table.ts";
import { contentOf, isAny, localValue } from "./described.ts";
import type { AnyMessage } from "./message.ts";
import { fieldTablesOf } from "./message_reader.ts";
import { setOwn } from "./plain.ts";
import { loadRegistry, type Registry } from "./registry.ts";

/** How a message is written. */
export interface WriteOptions {
  /** Adds the `@type` of the message itself as its first key. @default true */
  readonly withType?: boolean;
  /**
   * Writes `"[redacted]"` for fields that hold secrets (udpa.annotations.sensitive), at any depth.
   * What is written then cannot be read back. @default false
   */
  readonly redact?: boolean;
}

/**
 * Returns a message as a JSON value that `readMessage` reads back to equal bytes (unknown fields
 * apart). An Any whose type is unknown is written as `@type` and its bytes in base64 under `value`.
 */
export function toJson(message: AnyMessage, options: WriteOptions = {}): JsonValue {
  const { withType = true, redact = false } = options;
  const writer = new JsonWriter(loadRegistry(), redact);
  const { described, typeUrl } = message;
  if (withType) return writer.typed(typeUrl, described.desc, described.message);
  return writer.message(described.desc, described.message);
}

/** Returns a message as YAML; options as for {@linkcode toJson}. */
export function toYaml(message: AnyMessage, options: WriteOptions = {}): string {
  // YAML 1.1 quotes every string that Envoy would take for a boolean or an octal number.
  return stringify(toJson(message, options), {
    version: "1.1",
    aliasDuplicateObjects: false,
    lineWidth: 0,
  });
}

const REDACTED = "[redacted]";

class JsonWriter {
  readonly #registry: Registry;
  readonly #redact: boolean;

  constructor(registry: Registry, redact: boolean) {
    this.#registry = registry;
    this.#redact = redact;
  }

  typed(typeUrl: string, desc: DescMessage, message: Message): JsonObject {
    const json = this.message(desc, message);
    if (hasOwnJsonForm(desc)) return { "@type": typeUrl, value: json };
    return { "@type": typeUrl, ...json as JsonObject };
  }

  message(desc: DescMessage, message: Message): JsonValue {
    if (isAny(message)) return this.#any(message);
    return (hasOwnJsonForm(desc) ? wellKnownJson(desc, message) : undefined) ??
      this.#fields(desc, message);
  }

  #fields(desc: DescMessage, message: Message): JsonObject {
    const json: JsonObject = {};
    for (const entry of fieldTablesOf(this.#registry).of(desc).entries) {
      const value = localValue(entry.field, message);
      if (value === undefined || isUnset(entry.field, value)) continue;
      json[entry.field.name] = this.#redact && entry.sensitive
        ? REDACTED
        : this.#field(entry, value);
    }
    return json;
  }

  #any(any: Any): JsonValue {
    if (any.typeUrl === "") return {};
    const content = contentOf(this.#registry, any);
    if (content) return this.typed(any.typeUrl, content.desc, content.message);
    return { "@type": any.typeUrl, value: this.#redact ? REDACTED : any.value.toBase64() };
  }

  #field(entry: FieldEntry, value: unknown): JsonValue {
    switch (entry.field.fieldKind) {
      case "list":
        return (value as unknown[]).map((item) => this.#single(entry, item));
      case "map": {
        const json: JsonObject = {};
        for (const [key, item] of Object.entries(value as object)) {
          setOwn(json, key, this.#single(entry, item));
        }
        return json;
      }
      default:
        return this.#single(entry, value);
    }
  }

  #single({ field, local }: FieldEntry, value: unknown): JsonValue {
    if (local === "message" && field.message) return this.message(field.message, value as Message);
    if (local === "struct") return value as JsonObject;
    if (field.enum) return enumJson(field, value as number);
    return scalarJson(local === "wrapper" ? wrapped(field.message) : field.scalar, value);
  }
}

/** Undefined for what the wire allows and JSON does not, e.g. a Duration of a million years. */
function wellKnownJson(desc: DescMessage, message: Message): JsonValue | undefined {
  try {
    return bufToJson(desc, message);
  } catch {
    return undefined;
  }
}

/** Fields without presence are left out when they have their zero value, as in canonical JSON. */
function isUnset(field: DescField, value: unknown): boolean {
  if (field.fieldKind === "list") return (value as unknown[]).length === 0;
  if (field.fieldKind === "map") return Object.keys(value as object).length === 0;
  // 2 is FeatureSet.FieldPresence.IMPLICIT.
  if (field.presence !== 2 || field.oneof) return false;
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === false || value === 0n || Object.is(value, 0);
}

function enumJson(field: DescField, value: number): JsonValue {
  if (field.enum?.typeName === "google.protobuf.NullValue") return null;
  return field.enum?.value[value]?.name ?? value;
}

function wrapped(wrapper: DescMessage | undefined): ScalarType | undefined {
  return wrapper && isWrapper(wrapper.typeName) ? wrapper.fields[0]?.scalar : undefined;
}

function scalarJson(type: ScalarType | undefined, value: unknown): JsonValue {
  if (value instanceof Uint8Array) return value.toBase64();
  if (typeof value === "bigint") return String(value);
  if (type === ScalarType.FLOAT && typeof value === "number") return floatJson(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value as JsonValue;
}

/** The shortest decimal that is the same float: 0.1, not 0.10000000149011612. */
function floatJson(value: number): JsonValue {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
