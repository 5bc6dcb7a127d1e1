// SPDX-License-Identifier: Apache-2.0
/**
 * What reading and writing need to know of each field, worked out once per message type.
 * @module
 */
import {
  type DescExtension,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import type { Registry } from "./registry.ts";

/** One field. */
export interface FieldEntry {
  /** Its descriptor. */
  readonly field: DescField;
  /** Its number of values; `wrapper` and `struct` are messages that are kept as bare values. */
  readonly local: "message" | "wrapper" | "struct" | "plain";
  /** Holds a secret: neither it nor what is in it may be shown (udpa.annotations.sensitive). */
  readonly sensitive: boolean;
}

/** The fields of a message. */
export interface FieldTable {
  /** By proto name and by JSON name. */
  readonly byName: ReadonlyMap<string, FieldEntry>;
  /** In order of declaration. */
  readonly entries: readonly FieldEntry[];
}

/** Makes field tables; one for each registry. */
export class FieldTables {
  readonly #tables = new WeakMap<DescMessage, FieldTable>();
  readonly #sensitive: DescExtension | undefined;

  /** `registry` is where the option `udpa.annotations.sensitive` comes from. */
  constructor(registry: Registry) {
    this.#sensitive = registry.files.getExtension("udpa.annotations.sensitive");
  }

  /** Returns the table of a message; the same for the same message. */
  of(message: DescMessage): FieldTable {
    let table = this.#tables.get(message);
    if (table === undefined) {
      table = this.#build(message);
      this.#tables.set(message, table);
    }
    return table;
  }

  #build(message: DescMessage): FieldTable {
    const entries = message.fields.map((field): FieldEntry => ({
      field,
      local: localForm(field),
      sensitive: this.#isSensitive(field),
    }));
    const byName = new Map(entries.flatMap((entry) => [
      [jsonNameOf(entry.field.name), entry],
      [entry.field.name, entry],
    ]));
    return { byName, entries };
  }

  #isSensitive(field: DescField): boolean {
    const option = this.#sensitive;
    return option !== undefined && hasOption(field, option) && getOption(field, option) === true;
  }
}

/** The name in JSON by protoc's rule; descriptors from Python do not carry it. */
export function jsonNameOf(name: string): string {
  return name.replace(/_+([a-z0-9A-Z]?)/g, (_, letter: string) => letter.toUpperCase());
}

/** How @bufbuild/protobuf keeps a message field: wrappers and Structs are unwrapped in most places. */
function localForm(field: DescField): FieldEntry["local"] {
  if (field.message === undefined) return "plain";
  const name = field.message.typeName;
  if (field.fieldKind === "message" && !field.oneof && isWrapper(name)) return "wrapper";
  const unwrapped = name === "google.protobuf.Struct" &&
    field.parent.typeName !== "google.protobuf.Value";
  return unwrapped ? "struct" : "message";
}

/** Tells whether a full name is one of google/protobuf/wrappers.proto. */
export function isWrapper(typeName: string): boolean {
  return WRAPPERS.has(typeName);
}

const WRAPPERS: ReadonlySet<string> = new Set(
  ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"]
    .map((kind) => `google.protobuf.${kind}Value`),
);

/** Tells whether a type has a JSON form of its own, which stands under `value` in an Any. */
export function hasOwnJsonForm({ typeName }: DescMessage): boolean {
  return OWN_JSON_FORMS.has(typeName) || isWrapper(typeName);
}

const OWN_JSON_FORMS: ReadonlySet<string> = new Set(
  ["Any", "Duration", "Timestamp", "FieldMask", "Struct", "Value", "ListValue"]
    .map((name) => `google.protobuf.${name}`),
);
