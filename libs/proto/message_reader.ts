// SPDX-License-Identifier: Apache-2.0
/**
 * Walks plain values along the descriptors and builds messages. It goes on after a problem, so that
 * one pass finds them all.
 * @module
 */
import { didYouMean } from "@denvoy/base";
import {
  create,
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { byKey } from "./canonical.ts";
import { type FieldEntry, FieldTables } from "./field_table.ts";
import type { Described } from "./described.ts";
import type { Path } from "./path.ts";
import { isPlainMap, type PlainMap, type PlainValue, quote, setOwn } from "./plain.ts";
import { readAny } from "./read_any.ts";
import { explain, Fault, readScalar, type ScalarValue } from "./read_scalar.ts";
import { isWrittenAsFields, readStructJson, readWellKnown, toJson } from "./read_well_known.ts";
import { type Registry, typeNameOf } from "./registry.ts";

/** Something that is wrong at a path. */
export interface Finding {
  /** `error` refuses the message. */
  readonly severity: "error" | "warning";
  /** Rule and value. */
  readonly message: string;
  /** From the root of the document on. */
  readonly path: Path;
  /** Whether the key or the value is wrong. */
  readonly at: "key" | "value";
  /** What was probably meant. */
  readonly hint?: string;
}

/** What a reader needs. */
export interface ReaderOptions {
  /** Where types are looked up. */
  readonly registry: Registry;
  /** Where the root message stands in its document. */
  readonly path: Path;
  /** Called for everything that is wrong. */
  report(finding: Finding): void;
}

/** Messages nested deeper than this are refused, as on the wire. */
const MAX_DEPTH = 100;
const TOO_DEEP = `messages must not be nested deeper than ${MAX_DEPTH}`;

const tables = new WeakMap<Registry, FieldTables>();

/** Returns the field tables of a registry. */
export function fieldTablesOf(registry: Registry): FieldTables {
  const known = tables.get(registry);
  if (known) return known;
  const made = new FieldTables(registry);
  tables.set(registry, made);
  return made;
}

/** Reads one message with everything in it. */
export class MessageReader {
  /** Where types are looked up. */
  readonly registry: Registry;
  readonly #tables: FieldTables;
  readonly #report: (finding: Finding) => void;
  readonly #path: (string | number)[];
  #depth = 0;
  #secret = 0;

  /** A reader reads one message. */
  constructor({ registry, path, report }: ReaderOptions) {
    this.registry = registry;
    this.#tables = fieldTablesOf(registry);
    this.#report = report;
    this.#path = [...path];
  }

  /** Reads a message of type `typeUrl`, or of the type that its `@type` says. */
  readRoot(value: PlainValue, typeUrl: string | undefined): Described | undefined {
    if (typeUrl === undefined) return readAny(this, value);
    const desc = this.registry.messageByUrl(typeUrl);
    if (desc === undefined) {
      this.fail(`type ${quote(typeUrl)} is unknown`);
      return undefined;
    }
    if (saysItsType(desc, value)) return readAny(this, value);
    const message = this.message(desc, value);
    return message && { desc, message };
  }

  /** Reports an error at the current path. */
  fail(message: string, options: { at?: "key" | "value"; hint?: string | undefined } = {}): void {
    const { at = "value", hint } = options;
    const path = [...this.#path];
    this.#report({ severity: "error", message, path, at, ...(hint === undefined ? {} : { hint }) });
  }

  /** Reports that a value breaks a rule; the value is left out when it is secret. */
  failValue(rule: string, value: PlainValue, hint?: string): void {
    this.fail(explain(new Fault(rule), value, this.#secret > 0), { hint });
  }

  /** Runs `read` one step further down the path. */
  at<T>(key: string | number, read: () => T): T {
    this.#path.push(key);
    const result = read();
    this.#path.pop();
    return result;
  }

  /** Reads a message; undefined when the value is nothing that could be one. */
  message(desc: DescMessage, value: PlainValue): Described["message"] | undefined {
    const wellKnown = readWellKnown(this, desc, value);
    if (wellKnown !== undefined) return wellKnown.message;
    if (!isPlainMap(value)) {
      this.failValue("must be a map", value);
      return undefined;
    }
    if (this.#depth === MAX_DEPTH) {
      this.fail(TOO_DEEP);
      return undefined;
    }
    this.#depth++;
    const message = create(desc);
    this.#fields(desc, message, value);
    this.#depth--;
    return message;
  }

  /** Returns the JSON of a Struct or Value; undefined, with a problem, when it is nested too deep. */
  json(value: PlainValue): JsonValue | undefined {
    const json = toJson(value, MAX_DEPTH - this.#depth);
    if (json === undefined) this.fail(TOO_DEEP);
    return json;
  }

  #fields(desc: DescMessage, message: Described["message"], value: PlainMap): void {
    const { byName } = this.#tables.of(desc);
    for (const key in value) {
      const entry = byName.get(key);
      this.#path.push(key);
      if (entry === undefined) this.#unknownField(desc, key);
      else this.#fieldOf({ message, entry, map: value, key });
      this.#path.pop();
    }
  }

  #unknownField(desc: DescMessage, key: string): void {
    if (key === "@type") return this.fail("@type is only allowed in an Any", { at: "key" });
    const hint = didYouMean(key, desc.fields.map((field) => field.name));
    this.fail(`${desc.typeName} has no field ${quote(key)}`, { at: "key", hint });
  }

  #fieldOf({ message, entry, map, key }: FieldInput): void {
    const { field } = entry;
    if (key !== field.name && Object.hasOwn(map, field.name)) {
      return this.fail(`field ${field.name} is given twice, as ${quote(key)}, too`, { at: "key" });
    }
    const value = map[key] ?? null;
    // As in proto3 JSON, null leaves the field unset, but for the types that have a null.
    if (value === null && !hasNull(field)) return;
    if (field.deprecated) this.#warnDeprecated(`field ${field.name}`);
    if (entry.sensitive) this.#secret++;
    const local = this.#local(entry, value);
    if (entry.sensitive) this.#secret--;
    if (local !== undefined) this.#set(field, message, local);
  }

  #warnDeprecated(what: string): void {
    const message = `${what} is deprecated`;
    this.#report({ severity: "warning", message, path: [...this.#path], at: "key" });
  }

  #set(field: DescField, message: Described["message"], value: unknown): void {
    const fields = message as unknown as Record<string, unknown>;
    if (field.oneof === undefined) {
      fields[field.localName] = value;
      return;
    }
    const oneof = fields[field.oneof.localName] as { readonly case?: string };
    if (oneof.case !== undefined) {
      const other = field.oneof.fields.find(({ localName }) => localName === oneof.case)?.name;
      this.fail(`only one of ${other} and ${field.name} can be set`, { at: "key" });
    }
    fields[field.oneof.localName] = { case: field.localName, value };
  }

  #local(entry: FieldEntry, value: PlainValue): unknown {
    switch (entry.field.fieldKind) {
      case "list":
        return this.#list(entry, value);
      case "map":
        return this.#map(entry, value);
      default:
        return this.#single(entry, value);
    }
  }

  #list(entry: FieldEntry, value: PlainValue): unknown[] | undefined {
    if (!Array.isArray(value)) return this.#listOfOne(entry, value);
    const list: unknown[] = [];
    for (let index = 0; index < value.length; index++) {
      this.#path.push(index);
      const item = this.#single(entry, value[index] ?? null);
      this.#path.pop();
      if (item !== undefined) list.push(item);
    }
    return list;
  }

  /** As in Envoy, what is not a list is a list of one. */
  #listOfOne(entry: FieldEntry, value: PlainValue): unknown[] | undefined {
    const item = this.#single(entry, value);
    return item === undefined ? undefined : [item];
  }

  #map(entry: FieldEntry, value: PlainValue): Record<string, unknown> | undefined {
    if (!isPlainMap(value)) {
      this.failValue("must be a map", value);
      return undefined;
    }
    const map: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value).sort(byKey)) {
      this.#path.push(key);
      const mapKey = this.#mapKey(entry.field, key);
      // As in Envoy, null is an empty message here.
      const given = item === null && entry.field.message ? {} : item;
      const local = this.#single(entry, given);
      this.#path.pop();
      if (mapKey !== undefined && local !== undefined) setOwn(map, mapKey, local);
    }
    return map;
  }

  #mapKey(field: DescField, key: string): string | undefined {
    if (field.fieldKind !== "map") return key;
    const plain = key === "true" ? true : key === "false" ? false : key;
    const read = readScalar(
      field.mapKey,
      typeof plain === "boolean" && isString(field) ? key : plain,
    );
    if (!(read instanceof Fault)) return String(read);
    this.fail(`key ${read.rule}: key is ${quote(key)}`, { at: "key" });
    return undefined;
  }

  #single({ field, local }: FieldEntry, value: PlainValue): unknown {
    if (field.message) {
      if (local === "message") return this.message(field.message, value);
      return local === "struct" ? readStructJson(this, value) : this.#wrapped(field.message, value);
    }
    return field.enum ? this.enumValue(field.enum, value) : this.#scalar(field, value);
  }

  #wrapped(wrapper: DescMessage, value: PlainValue): ScalarValue | undefined {
    const inner = wrapper.fields[0];
    if (inner === undefined) return undefined;
    if (!isWrittenAsFields(wrapper, value)) return this.#scalar(inner, value);
    const message = this.message(wrapper, value) as { readonly value?: ScalarValue } | undefined;
    return message?.value;
  }

  #scalar(field: DescField, value: PlainValue): ScalarValue | undefined {
    if (field.scalar === undefined) return undefined;
    const read = readScalar(field.scalar, value);
    if (!(read instanceof Fault)) return read;
    this.fail(explain(read, value, this.#secret > 0));
    return undefined;
  }

  /** Reads an enum by name or number; numbers that it does not define are kept, as on the wire. */
  enumValue(desc: DescEnum, value: PlainValue): number | undefined {
    if (value === null && desc.typeName === "google.protobuf.NullValue") return 0;
    if (typeof value === "number") {
      const number = readScalar(ScalarType.INT32, value);
      if (typeof number === "number") return this.#enumNumber(desc, number);
    }
    if (typeof value === "string") {
      const found = findEnumValue(desc, value);
      if (found?.deprecated) this.#warnDeprecated(`value ${value}`);
      if (found) return found.number;
    }
    const hint = typeof value === "string" ? didYouMean(value, desc.values.map(nameOf)) : undefined;
    this.failValue(`must be a value of ${desc.typeName}`, value, hint);
    return undefined;
  }

  #enumNumber(desc: DescEnum, number: number): number | undefined {
    if (desc.open || desc.value[number]) return number;
    this.failValue(`must be a value of ${desc.typeName}`, number);
    return undefined;
  }
}

interface FieldInput {
  readonly message: Described["message"];
  readonly entry: FieldEntry;
  readonly map: PlainMap;
  readonly key: string;
}

/** Names count in any case, and numbers in quotes, as in Envoy. */
function findEnumValue(desc: DescEnum, text: string): DescEnumValue | undefined {
  const name = text.toUpperCase();
  return desc.values.find((value) => value.name === text) ??
    desc.values.find((value) => value.name.toUpperCase() === name || String(value.number) === text);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function isString(field: DescField & { readonly fieldKind: "map" }): boolean {
  return field.mapKey === ScalarType.STRING;
}

/** Tells whether null is a value of the field rather than its absence. */
function hasNull(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return false;
  return field.message?.typeName === "google.protobuf.Value" ||
    field.enum?.typeName === "google.protobuf.NullValue";
}

/** What stands where a type is expected may say its type all the same. */
function saysItsType(desc: DescMessage, value: PlainValue): boolean {
  if (!isPlainMap(value) || !Object.hasOwn(value, "@type")) return false;
  const type = value["@type"];
  return typeof type === "string" && typeNameOf(type) === desc.typeName &&
    desc.typeName !== "google.protobuf.Any";
}
