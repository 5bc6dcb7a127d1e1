// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the fields of a YAML document and notes everything that is wrong with them, each with its
 * place. Scalars mean what they mean to envoyproxy/ratelimit: a number or boolean where a text is
 * asked for is the text as it stands in the file.
 * @module
 */
import { didYouMean, type Problem } from "@denvoy/base";
import {
  formatPath,
  type Path,
  type PlainMap,
  type PlainValue,
  type SourceDocument,
} from "@denvoy/proto";

/** A field of a map, and where it is. */
export interface FieldAt {
  /** The map. */
  readonly map: PlainMap;
  /** Path of the map. */
  readonly path: Path;
  /** Name of the field. */
  readonly name: string;
}

/** Bounds of a whole number, both included. */
export interface Bounds {
  /** Lowest. */
  readonly min: number;
  /** Highest. */
  readonly max: number;
}

/** Reads one document. */
export class FieldReader {
  /** What was wrong so far, in the order it was found. */
  readonly problems: Problem[] = [];
  readonly #document: SourceDocument;
  readonly #lines: readonly string[];

  /** `text` is what `document` was read from. */
  constructor(document: SourceDocument, text: string) {
    this.#document = document;
    this.#lines = text.split("\n");
  }

  /** The line of the value at a path. */
  line(path: Path): number {
    return this.#document.place(path).line;
  }

  /** Notes an error at a path. */
  error(path: Path, message: string, hint?: string): void {
    this.#note("error", { path, message, ...(hint !== undefined && { hint }) });
  }

  /** Notes a warning at a path. */
  warning(path: Path, message: string): void {
    this.#note("warning", { path, message });
  }

  /** Returns a text; undefined when it is absent, null or something else, which is noted. */
  text(field: FieldAt): string | undefined {
    const value = valueOf(field);
    if (value === undefined || typeof value === "string") return value;
    const path = [...field.path, field.name];
    if (typeof value !== "object") return this.#literal(path) ?? String(value);
    this.error(path, `must be a text: is ${kindOf(value)}`);
    return undefined;
  }

  /** Returns a switch; false when it is absent or something else, which is noted. */
  flag(field: FieldAt): boolean {
    const value = valueOf(field);
    if (value === undefined || typeof value === "boolean") return value ?? false;
    this.error([...field.path, field.name], `must be true or false: is ${kindOf(value)}`);
    return false;
  }

  /** Returns a whole number; undefined when it is absent or something else, which is noted. */
  whole(field: FieldAt, { min, max }: Bounds): number | undefined {
    const value = valueOf(field);
    if (value === undefined) return undefined;
    const isWhole = typeof value === "number" ||
      typeof value === "string" && /^[+-]?\d+$/.test(value);
    const number = isWhole ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    const path = [...field.path, field.name];
    this.error(path, `must be a whole number from ${min} to ${max}: is ${kindOf(value)}`);
    return undefined;
  }

  /** Returns one of a set of words, whatever their case; undefined when absent or unknown. */
  word<W extends string>(field: FieldAt, words: readonly W[]): W | undefined {
    const text = this.text(field);
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text.toLowerCase());
    if (found !== undefined) return found;
    const message = `must be one of ${words.join(", ")}: is ${JSON.stringify(text)}`;
    this.error([...field.path, field.name], message, didYouMean(text, words));
    return undefined;
  }

  /** Returns a list of maps with their paths; what is no map is noted and left out. */
  maps(field: FieldAt): readonly { readonly map: PlainMap; readonly path: Path }[] {
    const value = valueOf(field);
    const path = [...field.path, field.name];
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.error(path, `must be a list: is ${kindOf(value)}`);
      return [];
    }
    return value.flatMap((item, index) => {
      if (isMap(item)) return [{ map: item, path: [...path, index] }];
      this.error([...path, index], `must be a map: is ${kindOf(item)}`);
      return [];
    });
  }

  /** Returns a map; undefined when it is absent or something else, which is noted. */
  map(field: FieldAt): PlainMap | undefined {
    const value = valueOf(field);
    if (value === undefined || isMap(value)) return value;
    this.error([...field.path, field.name], `must be a map: is ${kindOf(value)}`);
    return undefined;
  }

  /**
   * Notes keys that are not `known`. Those that are known `elsewhere` are ignored with a warning:
   * envoyproxy/ratelimit takes each of its keys at every level.
   */
  keys(
    { map, path }: { readonly map: PlainMap; readonly path: Path },
    { known, elsewhere }: {
      readonly known: readonly string[];
      readonly elsewhere: Iterable<string>;
    },
  ): void {
    const others = new Set(elsewhere);
    for (const key of Object.keys(map)) {
      if (known.includes(key)) continue;
      const at = [...path, key];
      if (others.has(key)) this.#note("warning", { path: at, message: MISPLACED, at: "key" });
      else {
        const hint = didYouMean(key, known);
        const message = `unknown key ${JSON.stringify(key)}, expected one of ${known.join(", ")}`;
        this.#note("error", { path: at, message, at: "key", ...(hint !== undefined && { hint }) });
      }
    }
  }

  #note(
    severity: Problem["severity"],
    { path, message, hint, at }: {
      readonly path: Path;
      readonly message: string;
      readonly hint?: string;
      readonly at?: "key";
    },
  ): void {
    const { file } = this.#document;
    this.problems.push({
      severity,
      message,
      ...(file !== undefined && { file }),
      ...this.#document.place(path, at),
      path: formatPath(path),
      ...(hint !== undefined && { hint }),
    });
  }

  /** The plain scalar as it stands in the file: `007` and `yes` are not `7` and `true`. */
  #literal(path: Path): string | undefined {
    const { line, column } = this.#document.place(path);
    const rest = this.#lines[line - 1]?.slice(column - 1) ?? "";
    return /^[-+\w]+/.exec(rest)?.[0];
  }
}

const MISPLACED = "has no effect here and is ignored";

/** Tells whether a value is a map. */
export function isMap(value: PlainValue | undefined): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the value of a field; undefined when it is absent or null. */
export function valueOf({ map, name }: FieldAt): PlainValue | undefined {
  return Object.hasOwn(map, name) ? map[name] ?? undefined : undefined;
}

function kindOf(value: PlainValue): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : JSON.stringify(String(value).slice(0, 60));
}
