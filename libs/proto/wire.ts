// SPDX-License-Identifier: Apache-2.0
/**
 * What the generated codecs stand on: the reader and writer of protobufjs, and the checks that keep
 * hostile bytes from costing more than an error.
 * @module
 */
import protobuf from "protobufjs/minimal.js";

/** Reads the protobuf wire format; throws a RangeError at the end of the bytes. */
export type Reader = protobuf.Reader;
/** Writes the protobuf wire format. */
export type Writer = protobuf.Writer;

/** Messages nested deeper than this are refused, as in Google's own implementations. */
export const MAX_DEPTH = 100;

/** The value of a bytes field that is not set. Shared; has no bytes that could change. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** What an encoder takes: fields may be left out or `undefined`, at any depth. */
export type Init<T> = T extends Uint8Array ? T
  : T extends readonly (infer E)[] ? readonly Init<E>[]
  : T extends object ? { readonly [K in keyof T]?: Init<T[K]> | undefined }
  : T;

/** The same message while it is being decoded. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Returns a reader; bytes fields of what is decoded are views on `bytes`. */
export function createReader(bytes: Uint8Array): Reader {
  // A node Buffer would make its bytes fields Buffers, too.
  const plain = bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new protobuf.Reader(plain);
}

/** Returns an empty writer. */
export function createWriter(): Writer {
  return new protobuf.Writer();
}

/** Reads a length and returns where that message ends; `depth` counts the messages around it. */
export function childEnd(reader: Reader, end: number, depth: number): number {
  if (depth >= MAX_DEPTH) throw new RangeError(`messages are nested deeper than ${MAX_DEPTH}`);
  const length = reader.uint32();
  const childEnd = reader.pos + length;
  if (childEnd > end) throw new RangeError(`a length of ${length} leaves its message`);
  return childEnd;
}

/** Throws when a message did not end where its length said. */
export function checkEnd(reader: Reader, end: number): void {
  if (reader.pos !== end) throw new RangeError("a field leaves its message");
}

/** Passes over a field that the message does not have. */
export function skip(reader: Reader, tag: number, depth: number): void {
  if (tag < 8) throw new RangeError("a field has number 0");
  reader.skipType(tag & 7, depth);
}

/** 64-bit integers are numbers: exact up to 2^53, rounded beyond. */
export function toNumber(value: unknown): number {
  return typeof value === "number" ? value : (value as { toNumber(): number }).toNumber();
}

/** Lets a decoder append to a list that is readonly for everyone else. */
export function mutable<T>(list: readonly T[]): T[] {
  return list as T[];
}

/** Sets a map entry; a key `__proto__` becomes an entry like any other. */
export function setEntry<T>(map: Readonly<Record<string, T>>, key: string, value: T): void {
  const property = { value, writable: true, enumerable: true, configurable: true };
  if (key === "__proto__") Object.defineProperty(map, key, property);
  else (map as Record<string, T>)[key] = value;
}

/** Map entries in order of their keys, so that equal messages have equal bytes. */
export function sortedEntries<T>(map: Readonly<Record<string, T>>): [string, T][] {
  const entries = Object.entries(map);
  return entries.length < 2 ? entries : entries.sort(([a], [b]) => a < b ? -1 : 1);
}

/** Removes the other members of a oneof: the last one on the wire counts. */
export function clearOthers(message: object, members: readonly string[], kept: string): void {
  const fields = message as Record<string, unknown>;
  for (const member of members) {
    if (member !== kept && fields[member] !== undefined) delete fields[member];
  }
}
