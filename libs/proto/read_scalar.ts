// SPDX-License-Identifier: Apache-2.0
/**
 * Turns plain values into scalars of protobuf by the rules of proto3 JSON: integers also as strings
 * and in exponent form, floats also as strings, bytes as base64.
 * @module
 */
import { ScalarType } from "@bufbuild/protobuf";
import { describe, type PlainValue } from "./plain.ts";

/** Why a value cannot be what it should: a rule, e.g. `must be a boolean`. */
export class Fault {
  /** The rule that is broken. */
  readonly rule: string;

  /** `rule` completes "… must be …" on its own, e.g. `must be a boolean`. */
  constructor(rule: string) {
    this.rule = rule;
  }
}

/** A scalar as @bufbuild/protobuf keeps it. */
export type ScalarValue = string | boolean | number | bigint | Uint8Array;

/** Returns the scalar, or why there is none. */
export function readScalar(type: ScalarType, value: PlainValue): ScalarValue | Fault {
  switch (type) {
    case ScalarType.STRING:
      return typeof value === "string" ? value : STRING_FAULT;
    case ScalarType.BOOL:
      return readBoolean(value);
    case ScalarType.BYTES:
      return readBytes(value);
    case ScalarType.DOUBLE:
      return readDouble(value);
    case ScalarType.FLOAT:
      return readFloat(value);
    default:
      return readInteger(INTEGERS[type], value);
  }
}

const STRING_FAULT = new Fault("must be a string (in quotes if it looks like something else)");
const BOOLEAN_FAULT = new Fault("must be true or false");
const BYTES_FAULT = new Fault("must be bytes in base64");
const NUMBER_FAULT = new Fault("must be a number");

const TRUE_WORDS: ReadonlySet<string> = new Set(["true", "t", "yes", "y", "1"]);
const FALSE_WORDS: ReadonlySet<string> = new Set(["false", "f", "no", "n", "0"]);

/** Envoy takes words in quotes, too, in any case. */
function readBoolean(value: PlainValue): boolean | Fault {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : BOOLEAN_FAULT;
}

interface IntegerKind {
  readonly min: bigint;
  readonly max: bigint;
  readonly large: boolean;
}

function integerKind(bits: 32 | 64, signed: boolean): IntegerKind {
  const values = 1n << BigInt(bits);
  const min = signed ? -values / 2n : 0n;
  return { min, max: min + values - 1n, large: bits === 64 };
}

const INT32 = integerKind(32, true);
const UINT32 = integerKind(32, false);
const INT64 = integerKind(64, true);
const UINT64 = integerKind(64, false);

type IntegerType = Exclude<
  ScalarType,
  ScalarType.STRING | ScalarType.BOOL | ScalarType.BYTES | ScalarType.DOUBLE | ScalarType.FLOAT
>;

const INTEGERS: Readonly<Record<IntegerType, IntegerKind>> = {
  [ScalarType.INT32]: INT32,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.UINT32]: UINT32,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.INT64]: INT64,
  [ScalarType.SINT64]: INT64,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.FIXED64]: UINT64,
};

function readInteger(kind: IntegerKind, value: PlainValue): number | bigint | Fault {
  const integer = toBigInt(value);
  if (integer === undefined) return new Fault("must be an integer");
  if (integer < kind.min || integer > kind.max) {
    return new Fault(`must be an integer from ${kind.min} to ${kind.max}`);
  }
  return kind.large ? integer : Number(integer);
}

function toBigInt(value: PlainValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== "string") return undefined;
  if (/^-?\d{1,40}$/.test(value) || /^0[xX][0-9a-fA-F]{1,16}$/.test(value)) return BigInt(value);
  if (!FLOAT.test(value)) return undefined;
  const number = Number(value);
  return Number.isInteger(number) ? BigInt(number) : undefined;
}

const FLOAT = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

const SPECIAL_FLOATS: ReadonlyMap<PlainValue, number> = new Map<PlainValue, number>([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

function readDouble(value: PlainValue): number | Fault {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  const special = SPECIAL_FLOATS.get(value);
  if (special !== undefined) return special;
  if (typeof value !== "string" || !FLOAT.test(value)) return NUMBER_FAULT;
  const number = Number(value);
  return Number.isFinite(number) ? number : new Fault("must be a number in the range of a double");
}

const MAX_FLOAT = 3.4028234663852886e38;

function readFloat(value: PlainValue): number | Fault {
  const number = readDouble(value);
  if (typeof number !== "number" || !Number.isFinite(number)) return number;
  if (Math.abs(number) > MAX_FLOAT) return new Fault("must be a number in the range of a float");
  return Math.fround(number);
}

function readBytes(value: PlainValue): Uint8Array | Fault {
  if (typeof value !== "string" || /\s/.test(value)) return BYTES_FAULT;
  try {
    return Uint8Array.fromBase64(value.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return BYTES_FAULT;
  }
}

/** Returns the seconds and nanoseconds of a duration such as `1.5s`. */
export function readDuration(value: PlainValue): Duration | Fault {
  const match = typeof value === "string" ? DURATION.exec(value) : null;
  if (match === null) return DURATION_FAULT;
  const [, sign = "", seconds = "", fraction = ""] = match;
  if (seconds.length > 12 || Number(seconds) > MAX_DURATION_SECONDS) return DURATION_FAULT;
  const factor = sign === "-" ? -1 : 1;
  const nanos = Number(fraction.padEnd(9, "0")) * factor;
  // `|| 0` makes no difference but to -0.
  return { seconds: BigInt(seconds || "0") * BigInt(factor), nanos: nanos || 0 };
}

/** The fields of google.protobuf.Duration. */
export interface Duration {
  /** Whole seconds, signed. */
  readonly seconds: bigint;
  /** Of the same sign as the seconds. */
  readonly nanos: number;
}

const MAX_DURATION_SECONDS = 315_576_000_000;
const DURATION = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/;
const DURATION_FAULT = new Fault('must be a duration in seconds such as "1.5s"');

/** Returns the problem text for a fault; a secret value is left out. */
export function explain(fault: Fault, value: PlainValue, secret: boolean): string {
  return secret ? fault.rule : `${fault.rule}: value is ${describe(value)}`;
}
