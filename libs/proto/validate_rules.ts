// SPDX-License-Identifier: Apache-2.0
/**
 * Compiles the rules of one field (validate.FieldRules, protoc-gen-validate) into checks of its value.
 * @module
 */
import type { Message } from "@bufbuild/protobuf";
import { quote } from "./plain.ts";
import { fromRe2, knownRegex, WELL_KNOWN_STRINGS } from "./well_known_strings.ts";

/** Returns the rule that a value breaks, e.g. `must be at least 1`; undefined when there is none. */
export type Check = (value: unknown) => string | undefined;

/** Rules as the descriptor holds them: explicit presence, so that an unset rule is not there. */
export interface RuleMessage {
  readonly [rule: string]: unknown;
}

/** Returns the checks of a scalar, enum, bytes, Duration, Timestamp or Any by its rules. */
export function compileChecks(kind: string, rules: RuleMessage): Check[] {
  switch (kind) {
    case "bool":
      return compileConst(rules, plain);
    case "string":
      return compileString(rules);
    case "bytes":
      return compileBytes(rules);
    case "enum":
      return [...compileConst(rules, plain), ...compileMembers(rules, plain)];
    case "any":
      return compileMembers(rules, { key: typeUrlOfAny, show: String });
    case "duration":
    case "timestamp":
      return compileComparable(rules, timeForm(kind));
    default:
      return compileComparable(rules, numberForm);
  }
}

/** Tells whether rules let a zero value pass. */
export function ignoresEmpty(rules: RuleMessage): boolean {
  return set(rules, "ignoreEmpty") === true;
}

function set(rules: RuleMessage, rule: string): unknown {
  return Object.hasOwn(rules, rule) ? rules[rule] : undefined;
}

/** How values are compared and shown. */
interface Form {
  key(value: unknown): unknown;
  show(value: unknown): string;
}

const plain: Form = {
  key: (value) => value,
  show: (value) => typeof value === "string" ? quote(value) : String(value),
};

const numberForm: Form = { key: (value) => value, show: String };

function typeUrlOfAny(value: unknown): unknown {
  return typeof value === "string" ? value : (value as { readonly typeUrl: string }).typeUrl;
}

interface TimeMessage extends Message {
  readonly seconds: bigint;
  readonly nanos: number;
}

function timeForm(kind: "duration" | "timestamp"): Form {
  return {
    key: (value) => {
      const { seconds, nanos } = value as TimeMessage;
      return seconds * 1_000_000_000n + BigInt(nanos);
    },
    show: (value) =>
      kind === "duration" ? showDuration(value as TimeMessage) : showTime(value as TimeMessage),
  };
}

/** Returns a Duration as it is written, a Timestamp as ISO 8601; undefined for other values. */
export function showTimeValue(value: object): string | undefined {
  if (!("$typeName" in value)) return undefined;
  if (value.$typeName === "google.protobuf.Duration") return showDuration(value as TimeMessage);
  return value.$typeName === "google.protobuf.Timestamp"
    ? showTime(value as TimeMessage)
    : undefined;
}

function showDuration({ seconds, nanos }: TimeMessage): string {
  const sign = seconds < 0n || nanos < 0 ? "-" : "";
  const whole = seconds < 0n ? -seconds : seconds;
  const fraction = String(Math.abs(nanos)).padStart(9, "0").replace(/0+$/, "");
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}s`;
}

function showTime({ seconds }: TimeMessage): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

function compileConst(rules: RuleMessage, form: Form): Check[] {
  const wanted = set(rules, "const");
  if (wanted === undefined) return [];
  const key = form.key(wanted);
  const rule = `must be ${form.show(wanted)}`;
  return [(value) => form.key(value) === key ? undefined : rule];
}

function compileMembers(rules: RuleMessage, form: Form): Check[] {
  const checks: Check[] = [];
  const allowed = (rules["in"] ?? []) as readonly unknown[];
  const refused = (rules["notIn"] ?? []) as readonly unknown[];
  if (allowed.length > 0) {
    const keys = new Set(allowed.map(form.key));
    const rule = `must be one of ${allowed.map(form.show).join(", ")}`;
    checks.push((value) => keys.has(form.key(value)) ? undefined : rule);
  }
  if (refused.length > 0) {
    const keys = new Set(refused.map(form.key));
    const rule = `must not be one of ${refused.map(form.show).join(", ")}`;
    checks.push((value) => keys.has(form.key(value)) ? rule : undefined);
  }
  return checks;
}

function compileComparable(rules: RuleMessage, form: Form): Check[] {
  return [
    ...compileConst(rules, form),
    ...compileMembers(rules, form),
    ...compileRange(rules, form),
  ];
}

type Comparable = number | bigint;

interface Bound {
  readonly rule: string;
  passes(value: Comparable): boolean;
  readonly limit: Comparable;
}

/** A lower bound above the upper one means "outside of the range between them". */
function compileRange(rules: RuleMessage, form: Form): Check[] {
  const low = lowerBound(rules, form);
  const high = upperBound(rules, form);
  if (low && high) {
    const inverted = low.limit > high.limit;
    const rule = `must be ${low.rule} ${inverted ? "or" : "and"} ${high.rule}`;
    return [(value) => {
      const key = form.key(value) as Comparable;
      const passes = inverted
        ? low.passes(key) || high.passes(key)
        : low.passes(key) && high.passes(key);
      return passes ? undefined : rule;
    }];
  }
  const bound = low ?? high;
  if (bound === undefined) return [];
  const rule = `must be ${bound.rule}`;
  return [(value) => bound.passes(form.key(value) as Comparable) ? undefined : rule];
}

function lowerBound(rules: RuleMessage, form: Form): Bound | undefined {
  const [gt, gte] = [set(rules, "gt"), set(rules, "gte")];
  if (gt !== undefined) {
    const limit = form.key(gt) as Comparable;
    return { limit, rule: `greater than ${form.show(gt)}`, passes: (value) => value > limit };
  }
  if (gte === undefined) return undefined;
  const limit = form.key(gte) as Comparable;
  return { limit, rule: `at least ${form.show(gte)}`, passes: (value) => value >= limit };
}

function upperBound(rules: RuleMessage, form: Form): Bound | undefined {
  const [lt, lte] = [set(rules, "lt"), set(rules, "lte")];
  if (lt !== undefined) {
    const limit = form.key(lt) as Comparable;
    return { limit, rule: `less than ${form.show(lt)}`, passes: (value) => value < limit };
  }
  if (lte === undefined) return undefined;
  const limit = form.key(lte) as Comparable;
  return { limit, rule: `at most ${form.show(lte)}`, passes: (value) => value <= limit };
}

/** One rule about a length: its name, what it counts, and how that is said. */
interface LengthRule {
  readonly rule: string;
  readonly unit: string;
  readonly compare: "exactly" | "at least" | "at most";
  count(value: unknown): number;
}

const CHARACTER_LENGTHS: readonly LengthRule[] = [
  { rule: "len", unit: "characters", compare: "exactly", count: countCharacters },
  { rule: "minLen", unit: "characters", compare: "at least", count: countCharacters },
  { rule: "maxLen", unit: "characters", compare: "at most", count: countCharacters },
  { rule: "lenBytes", unit: "bytes", compare: "exactly", count: countBytes },
  { rule: "minBytes", unit: "bytes", compare: "at least", count: countBytes },
  { rule: "maxBytes", unit: "bytes", compare: "at most", count: countBytes },
];

const BYTE_LENGTHS: readonly LengthRule[] = [
  { rule: "len", unit: "bytes", compare: "exactly", count: countBytes },
  { rule: "minLen", unit: "bytes", compare: "at least", count: countBytes },
  { rule: "maxLen", unit: "bytes", compare: "at most", count: countBytes },
];

/** Characters are code points, as in Go and C++. */
function countCharacters(value: unknown): number {
  const text = value as string;
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.codePointAt(i) ?? 0) > 0xffff) count--, i++;
  return count;
}

const encoder = new TextEncoder();

function countBytes(value: unknown): number {
  return value instanceof Uint8Array ? value.length : encoder.encode(value as string).length;
}

function compileLengths(rules: RuleMessage, lengths: readonly LengthRule[]): Check[] {
  return lengths.flatMap(({ rule, unit, compare, count }): Check[] => {
    const limit = set(rules, rule);
    if (limit === undefined) return [];
    const wanted = Number(limit);
    const text = `must be ${compare} ${wanted} ${wanted === 1 ? unit.slice(0, -1) : unit} long`;
    return [(value) => {
      const length = count(value);
      const passes = compare === "exactly"
        ? length === wanted
        : compare === "at least"
        ? length >= wanted
        : length <= wanted;
      return passes ? undefined : text;
    }];
  });
}

function compileString(rules: RuleMessage): Check[] {
  return [
    ...compileConst(rules, plain),
    ...compileMembers(rules, plain),
    ...compileLengths(rules, CHARACTER_LENGTHS),
    ...compileParts(rules, (value) => value as string),
    ...compileWellKnown(rules),
  ];
}

/** Each byte as one character, so that patterns and parts work on bytes as on text. */
function latin1(value: unknown): string {
  return Array.from(value as Uint8Array, (byte) => String.fromCharCode(byte)).join("");
}

function compileBytes(rules: RuleMessage): Check[] {
  const form: Form = { key: latin1, show: (value) => (value as Uint8Array).toBase64() };
  return [
    ...compileConst(rules, form),
    ...compileMembers(rules, form),
    ...compileLengths(rules, BYTE_LENGTHS),
    ...compileParts(rules, latin1),
    ...compileIpBytes(rules),
  ];
}

function compileParts(rules: RuleMessage, textOf: (value: unknown) => string): Check[] {
  const checks: Check[] = [];
  const part = (
    rule: string,
    what: string,
    test: (text: string, part: string) => boolean,
  ): void => {
    const wanted = set(rules, rule);
    if (wanted === undefined) return;
    const text = textOf(wanted);
    const broken = `must ${what} ${quote(text)}`;
    checks.push((value) => test(textOf(value), text) ? undefined : broken);
  };
  part("prefix", "start with", (text, wanted) => text.startsWith(wanted));
  part("suffix", "end with", (text, wanted) => text.endsWith(wanted));
  part("contains", "contain", (text, wanted) => text.includes(wanted));
  part("notContains", "not contain", (text, wanted) => !text.includes(wanted));
  const pattern = set(rules, "pattern");
  if (typeof pattern === "string") {
    const compiled = fromRe2(pattern);
    const broken = `must match ${quote(pattern)}`;
    checks.push((value) => compiled.test(textOf(value)) ? undefined : broken);
  }
  return checks;
}

interface WellKnownRule {
  readonly case?: string;
  readonly value?: unknown;
}

function compileWellKnown(rules: RuleMessage): Check[] {
  const { case: kind = "", value } = (rules["wellKnown"] ?? {}) as WellKnownRule;
  if (kind === "wellKnownRegex") {
    const known = knownRegex(Number(value), set(rules, "strict") !== false);
    if (known === undefined) return [];
    const broken = `must be ${known.what}`;
    return [(text) => known.pattern.test(text as string) ? undefined : broken];
  }
  const known = value === true ? WELL_KNOWN_STRINGS[kind] : undefined;
  if (known === undefined) return [];
  const broken = `must be ${known.what}`;
  return [(text) => known.test(text as string) ? undefined : broken];
}

const IP_LENGTHS: Readonly<Record<string, readonly number[]>> = {
  ip: [4, 16],
  ipv4: [4],
  ipv6: [16],
};

function compileIpBytes(rules: RuleMessage): Check[] {
  const { case: kind = "", value } = (rules["wellKnown"] ?? {}) as WellKnownRule;
  const lengths = value === true ? IP_LENGTHS[kind] : undefined;
  if (lengths === undefined) return [];
  const broken = `must be an IP address of ${lengths.join(" or ")} bytes`;
  return [(bytes) => lengths.includes((bytes as Uint8Array).length) ? undefined : broken];
}
