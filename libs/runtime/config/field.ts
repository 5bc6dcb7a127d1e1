// SPDX-License-Identifier: Apache-2.0
/**
 * The kinds of configuration fields: each turns text into a checked value and says in words what it
 * takes. Where the text came from (flag, environment, YAML) is decided in load.ts.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";
import { formatAddress, type ListenAddress, parseAddress } from "./address.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

/** Where a field's help is printed. */
export type FieldGroup = "service" | "shared";

/** What every kind of field takes. */
export interface FieldOptions {
  /** What the field does, as one sentence for `--help` and the reference page; Markdown code marks allowed. */
  readonly doc: string;
  /** Name of the flag without dashes. @default the key in kebab-case, without a trailing `Ms` or `Bytes` */
  readonly flag?: string;
  /** Placeholder of the value in `--help`, e.g. `PATH`. @default by kind */
  readonly value?: string;
  /** The default as the user would write it; several for a list. @default none: the value is `undefined` or empty */
  readonly default?: string | readonly string[];
  /** Refuses to start without a value. @default false */
  readonly required?: boolean;
  /** The value itself is secret, e.g. an URL with a password: never printed. @default false */
  readonly secret?: boolean;
  /** Refuses the flag: whoever is on the machine can read command lines. @default false */
  readonly noFlag?: boolean;
}

/** One field of a configuration: how its text is checked and explained. */
export interface Field<T> {
  /** What it does. */
  readonly doc: string;
  /** Flag name without dashes; absent until the schema derives it from the key. */
  readonly flag: string | undefined;
  /** Placeholder of the value; empty for a switch. */
  readonly value: string;
  /** The default as text; empty when there is none. */
  readonly defaultTexts: readonly string[];
  /** Whether a start without a value is refused. */
  readonly required: boolean;
  /** Whether the value must never be printed. */
  readonly secret: boolean;
  /** Whether the flag is refused, so that only the environment and YAML give it. */
  readonly noFlag: boolean;
  /** `switch` takes no value, `list` may be given several times, `map` takes `key=value`. */
  readonly shape: "single" | "switch" | "list" | "map";
  /** The rule in words, completing "must be …". */
  readonly rule: string;
  /** Checks the texts (exactly one unless a list or map); the error is the rule that was broken. */
  parse(texts: readonly string[]): Result<T, string>;
  /** The value when nothing was given and there is no default. */
  readonly absent: T;
  /** The value as the user would write it, for dumps and `--help`. */
  format(value: T): string;
}

/** The value type of a field that may be absent unless its options say otherwise. */
export type Present<T, O> = O extends { readonly default: string } ? T
  : O extends { readonly required: true } ? T
  : T | undefined;

/** Keys and values, e.g. labels. */
export type StringMap = Readonly<Record<string, string>>;

interface Kind<T> {
  readonly value: string;
  readonly rule: string;
  readonly parse: (text: string) => T | undefined;
  readonly format?: (value: T) => string;
}

/** Any text but the empty one. */
export function string<const O extends FieldOptions>(options: O): Field<Present<string, O>> {
  return single(options, { value: "TEXT", rule: "text that is not empty", parse: notEmpty });
}

/** Several texts: the flag repeated, a comma-separated environment variable, a YAML list. */
export function stringList(options: FieldOptions): Field<readonly string[]> {
  return list(options, { value: "TEXT", rule: "text that is not empty", parse: notEmpty });
}

/** `key=value` pairs: the flag repeated, a comma-separated environment variable, a YAML mapping. */
export function stringMap(options: FieldOptions): Field<StringMap> {
  return {
    ...describe(options, "KEY=VALUE"),
    shape: "map",
    rule: "pairs of the form key=value",
    absent: Object.freeze({}),
    parse: parsePairs,
    format: (value) => Object.entries(value).map(([key, text]) => `${key}=${text}`).join(","),
  };
}

/** The path of a file or folder, as given: relative to the working directory. */
export function path<const O extends FieldOptions>(options: O): Field<Present<string, O>> {
  return single(options, { value: "PATH", rule: "a path", parse: pathText });
}

/** Several paths. */
export function pathList(options: FieldOptions): Field<readonly string[]> {
  return list(options, { value: "PATH", rule: "a path", parse: pathText });
}

/** The path of a file that holds a secret; the secret itself is never part of a configuration. */
export function secretFile<const O extends FieldOptions>(options: O): Field<Present<string, O>> {
  return single(options, { value: "FILE", rule: "the path of a file", parse: pathText });
}

/** Several paths of files that hold secrets. */
export function secretFileList(options: FieldOptions): Field<readonly string[]> {
  return list(options, { value: "FILE", rule: "the path of a file", parse: pathText });
}

/** `true` or `false`; the flag alone means true, `--no-<flag>` false. */
export function bool(options: FieldOptions): Field<boolean> {
  return {
    ...describe(options, ""),
    shape: "switch",
    rule: `"true" or "false"`,
    absent: false,
    parse: ([text = ""]) => text === "true" ? ok(true) : text === "false" ? ok(false) : err("rule"),
    format: String,
  };
}

/** A whole number within bounds (both included). */
export function integer<const O extends FieldOptions & { min?: number; max?: number }>(
  options: O,
): Field<Present<number, O>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return single(options, {
    value: "N",
    rule: `a whole number ${bounds(min, max)}`,
    parse: (text) => within(/^[+-]?\d+$/.test(text) ? Number(text) : NaN, min, max),
  });
}

/** A number within bounds (both included). */
export function decimal<const O extends FieldOptions & { min?: number; max?: number }>(
  options: O,
): Field<Present<number, O>> {
  const { min = 0, max = Number.MAX_VALUE } = options;
  return single(options, {
    value: "NUMBER",
    rule: `a number ${bounds(min, max)}`,
    parse: (text) => within(/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN, min, max),
  });
}

/** A length of time such as `250ms`, `1.5s`, `2m`, `1h`; the value is in milliseconds. */
export function duration<const O extends FieldOptions & { minMs?: number; maxMs?: number }>(
  options: O,
): Field<Present<number, O>> {
  const { minMs = 0, maxMs = 2 ** 31 - 1 } = options;
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return single(options, {
    value: "DURATION",
    rule: `a duration such as "250ms", "1.5s", "2m" or "1h", ${range}`,
    parse: (text) => within(parseDuration(text) ?? NaN, minMs, maxMs),
    format: formatDuration,
  });
}

/** A number of bytes such as `4096`, `64KiB`, `32MiB`, `1GiB`. */
export function size<const O extends FieldOptions & { minBytes?: number; maxBytes?: number }>(
  options: O,
): Field<Present<number, O>> {
  const { minBytes = 0, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  const range = maxBytes === Number.MAX_SAFE_INTEGER
    ? `of at least ${formatSize(minBytes)}`
    : `from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  return single(options, {
    value: "SIZE",
    rule: `a size such as "4096", "64KiB" or "32MiB", ${range}`,
    parse: (text) => within(parseSize(text) ?? NaN, minBytes, maxBytes),
    format: formatSize,
  });
}

/** `host:port`, `[ip6]:port` or `unix:path`. Port 0 is a free port, for listeners only. */
export function address<const O extends FieldOptions & { peer?: boolean }>(
  options: O,
): Field<Present<ListenAddress, O>> {
  const lowest = options.peer === true ? 1 : 0;
  return single<ListenAddress, O>(options, {
    value: "ADDRESS",
    rule: `"host:port", "[ip6]:port" or "unix:path" with a port from ${lowest} to 65535`,
    parse: (text) => parseAddress(text, { lowestPort: lowest }),
    format: formatAddress,
  });
}

/** An absolute URL with one of the given schemes; credentials in it are redacted in dumps. */
export function url<const O extends FieldOptions & { schemes: readonly string[] }>(
  options: O,
): Field<Present<string, O>> {
  return single(options, {
    value: "URL",
    rule: `an URL that starts with ${options.schemes.map((one) => `${one}://`).join(" or ")}`,
    parse: (text) =>
      options.schemes.some((one) => text.startsWith(`${one}://`)) && URL.canParse(text)
        ? text
        : undefined,
    format: (text) => text.replace(/^([a-z0-9+.-]+:\/\/)[^/@]*@/i, "$1[redacted]@"),
  });
}

/** One word of a closed set. */
export function oneOf<const W extends string, const O extends FieldOptions>(
  words: readonly W[],
  options: O,
): Field<Present<W, O>> {
  return single<W, O>(options, {
    value: words.join("|"),
    rule: `one of ${words.map((word) => `"${word}"`).join(", ")}`,
    parse: (text) => words.find((word) => word === text),
  });
}

function describe(options: FieldOptions, value: string) {
  const { doc, flag, default: fallback = [], required = false } = options;
  const { secret = false, noFlag = false } = options;
  const defaultTexts = typeof fallback === "string" ? [fallback] : fallback;
  return { doc, flag, value: options.value ?? value, defaultTexts, required, secret, noFlag };
}

function single<T, O extends FieldOptions>(options: O, kind: Kind<T>): Field<Present<T, O>> {
  const field: Field<T | undefined> = {
    ...describe(options, kind.value),
    shape: "single",
    rule: kind.rule,
    absent: undefined,
    parse([text = ""]) {
      const value = kind.parse(text);
      return value === undefined ? err("rule") : ok(value);
    },
    format: (value) => value === undefined ? "" : (kind.format ?? String)(value),
  };
  // A default or `required` excludes undefined, which load.ts guarantees and Present says.
  return field as Field<Present<T, O>>;
}

function list<T>(options: FieldOptions, kind: Kind<T>): Field<readonly T[]> {
  return {
    ...describe(options, kind.value),
    shape: "list",
    rule: kind.rule,
    absent: Object.freeze([]),
    parse(texts) {
      const values = texts.map(kind.parse).filter((value) => value !== undefined);
      return values.length === texts.length ? ok(Object.freeze(values)) : err("rule");
    },
    format: (values) => values.map(kind.format ?? String).join(","),
  };
}

function parsePairs(texts: readonly string[]): Result<StringMap, string> {
  const pairs = texts.map((text) => /^([^=]+)=(.*)$/s.exec(text));
  if (pairs.includes(null)) return err("rule");
  return ok(Object.freeze(Object.fromEntries(pairs.map((pair) => [pair?.[1], pair?.[2]]))));
}

function notEmpty(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function pathText(text: string): string | undefined {
  return text === "" || text.includes("\0") ? undefined : text;
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

function bounds(min: number, max: number): string {
  return max >= Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
