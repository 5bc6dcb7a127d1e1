// SPDX-License-Identifier: Apache-2.0
/**
 * What a document holds before it becomes a message: values of JSON, with exact large integers.
 * @module
 */

/** A value of a JSON or YAML document. An integer that a number cannot hold exactly is a bigint. */
export type PlainValue = null | boolean | number | bigint | string | PlainValue[] | PlainMap;

/** A map of a document; its keys are own properties, `__proto__` included. */
export interface PlainMap {
  [key: string]: PlainValue;
}

/** Tells whether a value is a map. */
export function isPlainMap(value: PlainValue | undefined): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sets an own property; the key `__proto__` becomes an entry like any other. */
export function setOwn<T>(map: { [key: string]: T }, key: string, value: T): void {
  if (key !== "__proto__") map[key] = value;
  else {
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(map, key, property);
  }
}

/** Returns what a value is in words, with the value when it is short: `string "a"`, `list`. */
export function describe(value: PlainValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return "a map";
    case "string":
      return `string ${quote(value)}`;
    default:
      return `${typeof value === "boolean" ? "boolean" : "number"} ${value}`;
  }
}

/** Returns a string as JSON, cut to 60 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
