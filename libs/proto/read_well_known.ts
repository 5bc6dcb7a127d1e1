// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the messages that have a JSON form of their own: Any, Duration, Timestamp, FieldMask, Struct,
 * Value, ListValue and the wrappers.
 * @module
 */
import { create, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { byKey } from "./canonical.ts";
import { isWrapper } from "./field_table.ts";
import type { Described } from "./message.ts";
import type { MessageReader } from "./message_reader.ts";
import { isPlainMap, type PlainValue, setOwn } from "./plain.ts";
import { readAnyMessage } from "./read_any.ts";
import { explain, Fault, readDuration, readScalar } from "./read_scalar.ts";

type Read = (reader: MessageReader, desc: DescMessage, value: PlainValue) => MaybeMessage;
type MaybeMessage = Described["message"] | undefined;

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["google.protobuf.Any", (reader, _desc, value) => readAnyMessage(reader, value)],
  ["google.protobuf.Duration", readDurationMessage],
  ["google.protobuf.Timestamp", ruled('must be a time such as "2026-01-31T12:00:00Z"')],
  ["google.protobuf.FieldMask", ruled("must be field paths, separated by commas")],
  ["google.protobuf.Struct", readStruct],
  ["google.protobuf.Value", (_reader, desc, value) => fromJson(desc, toJson(value))],
  ["google.protobuf.ListValue", ruled("must be a list")],
]);

/** Returns the message, in an object to tell failure from "not well-known", which is undefined. */
export function readWellKnown(
  reader: MessageReader,
  desc: DescMessage,
  value: PlainValue,
): { readonly message: MaybeMessage } | undefined {
  if (!desc.typeName.startsWith("google.protobuf.")) return undefined;
  const read = isWrapper(desc.typeName) ? readWrapper : READERS.get(desc.typeName);
  return read && { message: read(reader, desc, value) };
}

/** Tells whether a type stands under `value` in the JSON form of an Any. */
export function hasOwnJsonForm(desc: DescMessage): boolean {
  return READERS.has(desc.typeName) || isWrapper(desc.typeName);
}

/** Returns a Struct in the form in which @bufbuild/protobuf keeps it in a field. */
export function toJsonObject(reader: MessageReader, value: PlainValue): JsonValue | undefined {
  if (isPlainMap(value)) return toJson(value);
  reader.failValue("must be a map", value);
  return undefined;
}

function readStruct(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  const json = toJsonObject(reader, value);
  return json === undefined ? undefined : fromJson(desc, json);
}

/** For what @bufbuild/protobuf reads; `rule` is the problem when it does not. */
function ruled(rule: string): Read {
  return (reader, desc, value) => {
    try {
      return fromJson(desc, toJson(value));
    } catch {
      reader.failValue(rule, value);
      return undefined;
    }
  };
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

function readWrapper(reader: MessageReader, desc: DescMessage, value: PlainValue): MaybeMessage {
  const inner = desc.fields[0];
  if (inner?.scalar === undefined) return undefined;
  const scalar = readScalar(inner.scalar, value);
  if (!(scalar instanceof Fault)) return Object.assign(create(desc), { value: scalar });
  reader.failValue(scalar.rule, value);
  return undefined;
}

/** Sorted, so that equal Structs have equal bytes. Integers become doubles: a Struct has no others. */
function toJson(value: PlainValue): JsonValue {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson);
  const sorted: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value).sort(byKey)) setOwn(sorted, key, toJson(item));
  return sorted;
}
