// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the messages that have a JSON form of their own: Any, Duration, Timestamp, FieldMask, Struct,
 * Value, ListValue and the wrappers.
 * @module
 */
import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { byKey } from "./canonical.ts";
import { isWrapper } from "./field_table.ts";
import type { Described } from "./described.ts";
import type { MessageReader } from "./message_reader.ts";
import { isPlainMap, type PlainMap, type PlainValue, setOwn } from "./plain.ts";
import { readAnyMessage } from "./read_any.ts";
import { explain, Fault, readDuration, readScalar } from "./read_scalar.ts";

type Read = (reader: MessageReader, desc: DescMessage, value: PlainValue) => MaybeMessage;
type MaybeMessage = Described["message"] | undefined;

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["google.protobuf.Any", (reader, _desc, value) => readAnyMessage(reader, value)],
  ["google.protobuf.Duration", readDurationMessage],
  ["google.protobuf.Timestamp", ruled('must be a time such as "2026-01-31T12:00:00Z"')],
  ["google.protobuf.FieldMask", readFieldMask],
  ["google.protobuf.Struct", readStruct],
  ["google.protobuf.Value", (reader, desc, value) => jsonMessage(desc, reader.json(value))],
  ["google.protobuf.ListValue", readListValue],
]);

/** Messages that may also be written field by field, e.g. `{ seconds: 300 }`, as Envoy allows. */
const ALSO_AS_FIELDS: ReadonlySet<string> = new Set([
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
  "google.protobuf.FieldMask",
]);

/** Tells whether a value is the fields of a message that has a JSON form of its own. */
export function isWrittenAsFields(desc: DescMessage, value: PlainValue): boolean {
  return isPlainMap(value) && (ALSO_AS_FIELDS.has(desc.typeName) || isWrapper(desc.typeName));
}

/** Returns the message, in an object to tell failure from "not well-known", which is undefined. */
export function readWellKnown(
  reader: MessageReader,
  desc: DescMessage,
  value: PlainValue,
): { readonly message: MaybeMessage } | undefined {
  if (!desc.typeName.startsWith("google.protobuf.")) return undefined;
  if (isWrittenAsFields(desc, value)) return undefined;
  const read = isWrapper(desc.typeName) ? readWrapper : READERS.get(desc.typeName);
  return read && { message: read(reader, desc, value) };
}

function jsonMessage(desc: DescMessage, json: JsonValue | undefined): MaybeMessage {
  return json === undefined ? undefined : fromJson(desc, json);
}

/** Returns a Struct in the form in which @bufbuild/protobuf keeps it in a field. */
export function readStructJson(reader: MessageReader, value: PlainValue): JsonValue | undefined {
  if (isPlainMap(value)) return reader.json(value);
  reader.failValue("must be a map", value);
  return undefined;
}

function readListValue(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  if (Array.isArray(value)) return jsonMessage(desc, reader.json(value));
  reader.failValue("must be a list", value);
  return undefined;
}

function readStruct(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  return jsonMessage(desc, readStructJson(reader, value));
}

/** For what @bufbuild/protobuf reads; `rule` is the problem when it does not. */
function ruled(rule: string): Read {
  return (reader, desc, value) => {
    try {
      return typeof value === "string" ? fromJson(desc, value) : failed(reader, rule, value);
    } catch {
      return failed(reader, rule, value);
    }
  };
}

function failed(reader: MessageReader, rule: string, value: PlainValue): undefined {
  reader.failValue(rule, value);
}

function readDurationMessage(
  reader: MessageReader,
  desc: DescMessage,
  value: PlainValue,
): MaybeMessage {
  const duration = readDuration(value);
  if (!(duration instanceof Fault)) return Object.assign(create(desc), duration);
  reader.fail(explain(duration, value, false));
  return undefined;
}

function readFieldMask(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  if (typeof value !== "string") {
    return failed(reader, "must be field paths, separated by commas", value);
  }
  const snake = value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.assign(create(desc), { paths: snake === "" ? [] : snake.split(",") });
}

function readWrapper(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  const inner = desc.fields[0];
  if (inner?.scalar === undefined) return undefined;
  const scalar = readScalar(inner.scalar, value);
  if (!(scalar instanceof Fault)) return Object.assign(create(desc), { value: scalar });
  reader.failValue(scalar.rule, value);
  return undefined;
}

/** Levels of messages that a list and a map cost in the wire form of a Struct. */
const LIST_LEVELS = 2;
const MAP_LEVELS = 3;

/**
 * Returns the JSON of a Struct, its keys sorted, so that equal Structs have equal bytes; undefined
 * when it needs more than `levels` levels of messages. Integers become doubles: a Struct has no
 * others.
 */
export function toJson(value: PlainValue, levels: number): JsonValue | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  const below = levels - (Array.isArray(value) ? LIST_LEVELS : MAP_LEVELS);
  if (below < 0) return undefined;
  return Array.isArray(value) ? listJson(value, below) : mapJson(value, below);
}

function listJson(list: readonly PlainValue[], levels: number): JsonValue[] | undefined {
  const json: JsonValue[] = [];
  for (const item of list) {
    const value = toJson(item, levels);
    if (value === undefined) return undefined;
    json.push(value);
  }
  return json;
}

function mapJson(map: PlainMap, levels: number): JsonObject | undefined {
  const sorted: JsonObject = {};
  for (const [key, item] of Object.entries(map).sort(byKey)) {
    const value = toJson(item, levels);
    if (value === undefined) return undefined;
    setOwn(sorted, key, value);
  }
  return sorted;
}
