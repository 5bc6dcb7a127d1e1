// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the text of a file or request into documents: plain values, and the line and column of each.
 * Everything that is wrong with the syntax is reported; a text with such problems has no documents.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { type Document, parseAllDocuments } from "yaml";
import { blockItemOffsets, jsonItemOffsets } from "./item_offsets.ts";
import { hasDuplicateKey, isDeeperThan, parseJson } from "./json_text.ts";
import type { Path } from "./path.ts";
import type { PlainValue } from "./plain.ts";
import { readSimpleYaml } from "./yaml_blocks.ts";
import { MAX_DOCUMENT_DEPTH, offsetOf, toPlain, YamlError } from "./yaml_document.ts";

/** A place in a text. */
export interface Place {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
}

/** A document that can be turned into messages. */
export interface SourceDocument {
  /** The file as the user named it. */
  readonly file?: string;
  /** What the document holds. Values that aliases repeat are the same objects: do not change them. */
  readonly value: PlainValue;
  /** Returns where the value at `path` stands, or its key; the closest place there is otherwise. */
  place(path: Path, at?: "key" | "value"): Place;
  /** Returns the plain scalar at `path` as it is written: `007`, not 7; undefined for what is none. */
  literal(path: Path): string | undefined;
}

/** How a text is read. */
export interface ParseOptions {
  /** The file as the user named it; appears in problems. A name with `.json` is read as JSON. */
  readonly file?: string;
  /** The language of the text. @default by the name of the file, else YAML */
  readonly format?: "json" | "yaml";
  /** Longer texts are refused. @default 64 Mi characters */
  readonly maxLength?: number;
}

/** What a text holds. */
export interface ParseResult {
  /** The documents in order; empty when there are errors. An empty YAML document is left out. */
  readonly documents: readonly SourceDocument[];
  /** What is wrong with the syntax. */
  readonly problems: readonly Problem[];
}

/** One stray bracket can make every later line a fault. */
const MAX_FAULTS = 20;

const MAX_LENGTH = 64 * 1024 * 1024;

/** Reads JSON or YAML; YAML may hold several documents. Never throws. */
export function parseDocuments(text: string, options: ParseOptions = {}): ParseResult {
  const maxLength = options.maxLength ?? MAX_LENGTH;
  if (text.length > maxLength) {
    const message = `must be at most ${maxLength} characters long: length is ${text.length}`;
    return failed([{ message }], options);
  }
  const plainText = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const isJson = options.format === "json" ||
    (options.format === undefined && options.file?.endsWith(".json"));
  return isJson ? parseJsonText(plainText, options) : parseYamlText(plainText, options);
}

interface Fault {
  readonly message: string;
  readonly place?: Place;
}

function failed(faults: readonly Fault[], { file }: ParseOptions): ParseResult {
  const problems = faults.map(({ message, place }): Problem => ({
    severity: "error",
    message,
    ...(file === undefined ? {} : { file }),
    ...place,
  }));
  return { documents: [], problems };
}

function parseJsonText(text: string, options: ParseOptions): ParseResult {
  const parsed = parseJson(text);
  if (!parsed.ok) return failed([parsed.error], options);
  if (isDeeperThan(parsed.value, MAX_DOCUMENT_DEPTH)) {
    return failed([{ message: TOO_DEEP }], options);
  }
  // The YAML parser reads JSON, too, and says which key it is and where.
  if (hasDuplicateKey(text, parsed.value)) return parseAnyYaml(text, options);
  return {
    documents: [new TextDocument(text, { ...parsed, ...options, format: "json" })],
    problems: [],
  };
}

/** A document whose syntax tree is made only when a place is asked for. */
class TextDocument implements SourceDocument {
  declare readonly file?: string;
  readonly value: PlainValue;
  readonly #text: string;
  readonly #format: "json" | "yaml";
  readonly #lines: LineIndex;
  readonly #items = new Map<string, readonly number[] | undefined>();
  #tree: Document.Parsed | undefined;

  constructor(text: string, { value, file, format }: {
    readonly value: PlainValue;
    readonly file?: string;
    readonly format: "json" | "yaml";
  }) {
    this.#text = text;
    this.#format = format;
    this.#lines = new LineIndex(text);
    this.value = value;
    if (file !== undefined) this.file = file;
  }

  place(path: Path, at: "key" | "value" = "value"): Place {
    return this.#lines.place(this.#itemOffset(path) ?? this.#treeOffset(path, at));
  }

  literal(path: Path): string | undefined {
    return literalAt(this.#text, this.#treeOffset(path, "value"));
  }

  #treeOffset(path: Path, at: "key" | "value"): number {
    this.#tree ??= parseTrees(this.#text)[0];
    return this.#tree ? offsetOf(this.#tree, path, at) : 0;
  }

  /** Items of top-level lists are found without a tree: their lines are wanted for every resource. */
  #itemOffset([key, index, ...rest]: Path): number | undefined {
    if (typeof key !== "string" || typeof index !== "number" || rest.length > 0) return undefined;
    if (!this.#items.has(key)) {
      const find = this.#format === "json" ? jsonItemOffsets : blockItemOffsets;
      this.#items.set(key, find(this.#text, key));
    }
    return this.#items.get(key)?.[index];
  }
}

function parseTrees(text: string): Document.Parsed[] {
  // The failsafe schema resolves no scalars: yaml_scalar.ts does, by the rules of Envoy.
  // Its check for duplicate keys takes time that is quadratic in the size of a map: toPlain has its own.
  const options = { schema: "failsafe", prettyErrors: false, uniqueKeys: false } as const;
  return [...parseAllDocuments(text, options)] as Document.Parsed[];
}

function parseYamlText(text: string, options: ParseOptions): ParseResult {
  const simple = readSimpleYaml(text);
  if (simple === undefined) return parseAnyYaml(text, options);
  return {
    documents: [new TextDocument(text, { ...simple, ...options, format: "yaml" })],
    problems: [],
  };
}

function parseAnyYaml(text: string, options: ParseOptions): ParseResult {
  const lines = new LineIndex(text);
  if (nestsTooDeep(text)) return failed([{ message: TOO_DEEP }], options);
  let trees: Document.Parsed[];
  try {
    trees = parseTrees(text);
  } catch (error) {
    return failed([{ message: `cannot be parsed as YAML: ${messageOf(error)}` }], options);
  }
  const errors = trees.flatMap((tree) => tree.errors).slice(0, MAX_FAULTS);
  const faults = errors.map((error): Fault => ({
    message: lowerFirst(error.message),
    place: lines.place(error.pos[0]),
  }));
  if (faults.length > 0) return failed(faults, options);
  return convertTrees(trees, text, { lines, ...options });
}

function convertTrees(
  trees: readonly Document.Parsed[],
  text: string,
  { lines, ...options }: ParseOptions & { readonly lines: LineIndex },
): ParseResult {
  const documents: SourceDocument[] = [];
  const { file } = options;
  const toFault = ({ message, offset }: YamlError): Fault => ({
    message,
    place: lines.place(offset),
  });
  for (const tree of trees) {
    try {
      const { value, duplicates } = toPlain(tree);
      if (duplicates.length > 0) {
        return failed(duplicates.slice(0, MAX_FAULTS).map(toFault), options);
      }
      if (value === null) continue;
      const place = (path: Path, at: "key" | "value" = "value"): Place =>
        lines.place(offsetOf(tree, path, at));
      const literal = (path: Path) => literalAt(text, offsetOf(tree, path, "value"));
      documents.push({ ...(file === undefined ? {} : { file }), value, place, literal });
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      return failed([toFault(error)], options);
    }
  }
  return { documents, problems: [] };
}

const TOO_DEEP = `must not be nested deeper than ${MAX_DOCUMENT_DEPTH} levels`;

/** The parser recurses per level; this keeps a hostile text from exhausting its stack. */
function nestsTooDeep(text: string): boolean {
  return /(?:[[{]\s*){200}/.test(text) || /(?:-[ \t]+){200}/.test(text);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, "");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? lowerFirst(error.message) : String(error);
}

function literalAt(text: string, offset: number): string | undefined {
  const plain = /[-+.\w]+/y;
  plain.lastIndex = offset;
  return plain.exec(text)?.[0];
}

/** Turns offsets into lines and columns; looks at the text only when asked. */
class LineIndex {
  readonly #text: string;
  #starts: number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  place(offset: number): Place {
    this.#starts ??= lineStarts(this.#text);
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
