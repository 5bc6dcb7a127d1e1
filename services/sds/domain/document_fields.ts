// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the fields of a YAML or JSON document and notes everything that is wrong with them, each with
 * its place.
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

/** A map of a document, and where it is. */
export interface MapAt {
  /** The map. */
  readonly map: PlainMap;
  /** Its path. */
  readonly path: Path;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads one document. Values are never quoted: they could be secret. */
export class DocumentFields {
  /** What was wrong so far, in the order it was found. */
  readonly problems: Problem[] = [];
  readonly #document: SourceDocument;

  /** `document` is what is read. */
  constructor(document: SourceDocument) {
    this.#document = document;
  }

  /** Returns the root; undefined when it is no map, which is noted. */
  root(): MapAt | undefined {
    const { value } = this.#document;
    if (isMap(value)) return { map: value, path: [] };
    this.error([], "must be a map");
    return undefined;
  }

  /** Notes an error at a path. */
  error(path: Path, message: string): void {
    this.#note({ path, message });
  }

  /** Notes keys that are not `known`. */
  keys({ map, path }: MapAt, known: readonly string[]): void {
    for (const key of Object.keys(map)) {
      if (known.includes(key)) continue;
      const hint = didYouMean(key, known);
      const message = `unknown key ${JSON.stringify(key)}, expected one of ${known.join(", ")}`;
      this.#note({ path: [...path, key], message, ...(hint !== undefined && { hint }) });
    }
  }

  /** Returns a text that is not empty; undefined when absent or something else, which is noted. */
  text({ map, path }: MapAt, name: string): string | undefined {
    const value = valueOf(map, name);
    if (value === undefined || typeof value === "string" && value !== "") return value;
    this.error([...path, name], "must be a text that is not empty");
    return undefined;
  }

  /** Returns a text that must be there. */
  required(at: MapAt, name: string): string | undefined {
    if (valueOf(at.map, name) === undefined) this.error(at.path, `needs a \`${name}\``);
    return this.text(at, name);
  }

  /** Returns a list of texts; one text counts as a list of one. */
  texts({ map, path }: MapAt, name: string): readonly string[] {
    const value = valueOf(map, name) ?? [];
    const list = Array.isArray(value) ? value : [value];
    const texts = list.filter((item) => typeof item === "string" && item !== "");
    if (texts.length < list.length) this.error([...path, name], "must be a list of texts");
    return texts as readonly string[];
  }

  /** Returns a switch. */
  flag({ map, path }: MapAt, name: string, absent = false): boolean {
    const value = valueOf(map, name) ?? absent;
    if (typeof value === "boolean") return value;
    this.error([...path, name], "must be true or false");
    return absent;
  }

  /** Returns one of a set of words. */
  word<W extends string>(at: MapAt, name: string, words: readonly W[]): W | undefined {
    const text = this.text(at, name);
    const word = words.find((each) => each === text);
    if (text !== undefined && word === undefined) {
      const message = `must be one of ${words.join(", ")}: is ${JSON.stringify(text)}`;
      this.error([...at.path, name], message);
    }
    return word;
  }

  /** Returns a length of time in milliseconds, written as in `250ms`, `90s`, `15m`, `24h` or `7d`. */
  durationMs(at: MapAt, name: string): number | undefined {
    const text = this.text(at, name);
    if (text === undefined) return undefined;
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
    const factor = UNITS_MS[unit];
    if (factor !== undefined) return Number(number) * factor;
    this.error([...at.path, name], 'must be a duration such as "90s", "15m", "24h" or "7d"');
    return undefined;
  }

  /** Returns a map; undefined when absent or something else, which is noted. */
  map({ map, path }: MapAt, name: string): MapAt | undefined {
    const value = valueOf(map, name);
    if (value === undefined) return undefined;
    if (isMap(value)) return { map: value, path: [...path, name] };
    this.error([...path, name], "must be a map");
    return undefined;
  }

  /** Returns a list of maps; what is no map is noted and left out. */
  maps({ map, path }: MapAt, name: string): readonly MapAt[] {
    const value = valueOf(map, name) ?? [];
    if (!Array.isArray(value)) {
      this.error([...path, name], "must be a list");
      return [];
    }
    return value.flatMap((item, index) => {
      const at = [...path, name, index];
      if (isMap(item)) return [{ map: item, path: at }];
      this.error(at, "must be a map");
      return [];
    });
  }

  #note(
    { path, message, hint }: {
      readonly path: Path;
      readonly message: string;
      readonly hint?: string;
    },
  ): void {
    const { file } = this.#document;
    this.problems.push({
      severity: "error",
      message,
      ...(file !== undefined && { file }),
      ...this.#document.place(path),
      ...(path.length > 0 && { path: formatPath(path) }),
      ...(hint !== undefined && { hint }),
    });
  }
}

/** Tells whether a value is a map. */
export function isMap(value: PlainValue | undefined): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueOf(map: PlainMap, name: string): PlainValue | undefined {
  return Object.hasOwn(map, name) ? map[name] ?? undefined : undefined;
}
