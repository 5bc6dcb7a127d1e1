// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the fields of a document that is no message, such as a limit file, and notes everything that
 * is wrong with them, each with its place. A field that is null is absent.
 * @module
 */
import { didYouMean, type Problem } from "@denvoy/base";
import type { Path } from "./path.ts";
import { isPlainMap, type PlainMap, type PlainValue } from "./plain.ts";
import { type Complaint, problemAt } from "./problem_at.ts";
import type { SourceDocument } from "./source.ts";

/** A map of a document, and where it is. */
export interface MapAt {
  /** The map. */
  readonly map: PlainMap;
  /** Its path. */
  readonly path: Path;
}

/** Bounds of a whole number, both included. */
export interface Bounds {
  /** Lowest. */
  readonly min: number;
  /** Highest. */
  readonly max: number;
}

/** How a document is read. */
export interface FieldReaderOptions {
  /** Values may be secrets: problems say of what kind they are, and never quote one. @default false */
  readonly isSecret?: boolean;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads one document. */
export class FieldReader {
  /** What was wrong so far, in the order it was found. */
  readonly problems: Problem[] = [];
  readonly #document: SourceDocument;
  readonly #isSecret: boolean;

  /** `document` is what is read. */
  constructor(document: SourceDocument, { isSecret = false }: FieldReaderOptions = {}) {
    this.#document = document;
    this.#isSecret = isSecret;
  }

  /** The line of the value at a path. */
  line(path: Path): number {
    return this.#document.place(path).line;
  }

  /** Notes an error at a path. */
  error(path: Path, message: string, hint?: string): void {
    this.#note(path, { message, ...(hint !== undefined && { hint }) });
  }

  /** Notes a warning at a path. */
  warning(path: Path, message: string): void {
    this.#note(path, { severity: "warning", message });
  }

  /** Returns the root; undefined when it is no map, which is noted with the `rule`. */
  root(rule = "must be a map"): MapAt | undefined {
    const { value } = this.#document;
    if (isPlainMap(value)) return { map: value, path: [] };
    this.error([], `${rule}: is ${this.#kindOf(value)}`);
    return undefined;
  }

  /**
   * Notes keys that are not `known`. Those that are known `elsewhere` in such a document are ignored
   * with a warning.
   */
  keys(
    { map, path }: MapAt,
    known: readonly string[],
    { elsewhere }: { readonly elsewhere?: ReadonlySet<string> } = {},
  ): void {
    for (const key of Object.keys(map)) {
      if (known.includes(key)) continue;
      const at = [...path, key];
      if (elsewhere?.has(key)) this.#note(at, MISPLACED);
      else {
        const hint = didYouMean(key, known);
        const message = `unknown key ${JSON.stringify(key)}, expected one of ${known.join(", ")}`;
        this.#note(at, { message, at: "key", ...(hint !== undefined && { hint }) });
      }
    }
  }

  /**
   * Returns a text, which may be empty; a number or a boolean is the text as it stands in the file.
   * Undefined when it is absent or something else, which is noted.
   */
  text(at: MapAt, name: string): string | undefined {
    const value = valueOf(at, name);
    return value === undefined ? undefined : this.#textOf(value, [...at.path, name]);
  }

  /** Returns a text as `text` does; an empty one is noted, too. */
  filled(at: MapAt, name: string): string | undefined {
    const text = this.text(at, name);
    if (text !== "") return text;
    this.error([...at.path, name], "must not be empty");
    return undefined;
  }

  /** Returns a text that must be there and not be empty. */
  required(at: MapAt, name: string): string | undefined {
    if (valueOf(at, name) === undefined) this.error(at.path, `needs \`${name}\``);
    return this.filled(at, name);
  }

  /** Returns a list of texts that are not empty; one text counts as a list of one. */
  texts(at: MapAt, name: string): readonly string[] {
    const value = valueOf(at, name) ?? [];
    const path = [...at.path, name];
    if (!Array.isArray(value)) return this.#filledTexts(value, path);
    return value.flatMap((item, index) => this.#filledTexts(item, [...path, index]));
  }

  /** Returns a switch; what it is when `absent`, too, when it is something else, which is noted. */
  flag(at: MapAt, name: string, absent = false): boolean {
    const value = valueOf(at, name) ?? absent;
    if (typeof value === "boolean") return value;
    this.error([...at.path, name], `must be true or false: is ${this.#kindOf(value)}`);
    return absent;
  }

  /** Returns a whole number; undefined when it is absent or something else, which is noted. */
  whole(at: MapAt, name: string, { min, max }: Bounds): number | undefined {
    const value = valueOf(at, name);
    if (value === undefined) return undefined;
    const isText = typeof value === "string" && /^[+-]?\d+$/.test(value);
    const number = typeof value === "number" || isText ? Number(value) : NaN;
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    const rule = `must be a whole number from ${min} to ${max}`;
    this.error([...at.path, name], `${rule}: is ${this.#kindOf(value)}`);
    return undefined;
  }

  /**
   * Returns one of a set of words, whatever the case of its letters; undefined when it is absent or
   * another, which is noted. What it is instead is quoted: a word of a set is no secret.
   */
  word<W extends string>(at: MapAt, name: string, words: readonly W[]): W | undefined {
    const text = this.text(at, name);
    if (text === undefined) return undefined;
    const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    const message = `must be one of ${words.join(", ")}: is ${quoted(text)}`;
    this.error([...at.path, name], message, didYouMean(text, words));
    return undefined;
  }

  /** Returns a length of time in milliseconds, written as in `250ms`, `90s`, `15m`, `24h` or `7d`. */
  durationMs(at: MapAt, name: string): number | undefined {
    const text = this.text(at, name);
    if (text === undefined) return undefined;
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
    const factor = UNITS_MS[unit];
    if (factor !== undefined) return Number(number) * factor;
    const is = this.#isSecret ? "" : `: is ${quoted(text)}`;
    this.error([...at.path, name], `must be a duration such as "90s", "15m", "24h" or "7d"${is}`);
    return undefined;
  }

  /** Returns a map; undefined when it is absent or something else, which is noted. */
  map(at: MapAt, name: string): MapAt | undefined {
    const value = valueOf(at, name);
    if (value === undefined) return undefined;
    return this.#mapOf(value, [...at.path, name]);
  }

  /** Returns a list of maps; what is no map is noted and left out. */
  maps(at: MapAt, name: string): readonly MapAt[] {
    const value = valueOf(at, name) ?? [];
    const path = [...at.path, name];
    if (Array.isArray(value)) {
      return value.flatMap((item, index) => this.#mapOf(item, [...path, index]) ?? []);
    }
    this.error(path, `must be a list: is ${this.#kindOf(value)}`);
    return [];
  }

  #mapOf(value: PlainValue, path: Path): MapAt | undefined {
    if (isPlainMap(value)) return { map: value, path };
    this.error(path, `must be a map: is ${this.#kindOf(value)}`);
    return undefined;
  }

  #filledTexts(value: PlainValue, path: Path): readonly string[] {
    const text = this.#textOf(value, path);
    if (text === "") this.error(path, "must not be empty");
    return text ? [text] : [];
  }

  #textOf(value: PlainValue, path: Path): string | undefined {
    if (typeof value === "string") return value;
    if (typeof value !== "object") return this.#document.literal(path) ?? String(value);
    this.error(path, `must be a text: is ${this.#kindOf(value)}`);
    return undefined;
  }

  #note(path: Path, complaint: Complaint): void {
    this.problems.push(problemAt(this.#document, path, complaint));
  }

  #kindOf(value: PlainValue): string {
    if (value === null) return "empty";
    if (Array.isArray(value)) return "a list";
    if (typeof value === "object") return "a map";
    if (!this.#isSecret) return quoted(String(value));
    if (typeof value === "string") return "a text";
    return typeof value === "boolean" ? "a boolean" : "a number";
  }
}

const MISPLACED: Complaint = {
  severity: "warning",
  message: "has no effect here and is ignored",
  at: "key",
};

/** Returns the value of a field; undefined when it is absent or null. */
export function valueOf({ map }: Pick<MapAt, "map">, name: string): PlainValue | undefined {
  return Object.hasOwn(map, name) ? map[name] ?? undefined : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
