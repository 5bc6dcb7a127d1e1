// SPDX-License-Identifier: Apache-2.0
/**
 * Turns the syntax tree of a YAML document into plain values and finds the place of a path in it.
 * Anchors, aliases and merge keys are resolved; what they expand to is bounded.
 * @module
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { jsonNameOf } from "./field_table.ts";
import type { Path } from "./path.ts";
import { isPlainMap, type PlainMap, type PlainValue, quote, setOwn } from "./plain.ts";
import { readPlainScalar } from "./yaml_scalar.ts";

/** Values that aliases may add to a document by repeating what they name. */
const MAX_ALIASED_VALUES = 2_000_000;

/** Deeper documents are refused; no message of Envoy comes near. */
export const MAX_DOCUMENT_DEPTH = 200;

/** Something that a document may not hold, at an offset in its text. */
export class YamlError extends Error {
  override readonly name = "YamlError";
  /** Offset of the value in the text. */
  readonly offset: number;

  /** `message` says which rule is broken. */
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

interface Anchored {
  readonly value: PlainValue;
  readonly size: number;
}

/** The value of a document, and the keys that are there twice. */
export interface Converted {
  /** What the document holds. */
  readonly value: PlainValue;
  /** In order; empty when every key is there once. */
  readonly duplicates: readonly YamlError[];
}

/** Returns the value of a document. @throws YamlError for what cannot be resolved. */
export function toPlain(document: Document.Parsed): Converted {
  const converter = new Converter();
  const value = converter.convert(document.contents as Node | null, 0);
  return { value, duplicates: converter.duplicates };
}

class Converter {
  readonly duplicates: YamlError[] = [];
  readonly #anchors = new Map<string, Anchored>();
  #size = 0;
  #aliased = 0;

  convert(node: Node | null, depth: number): PlainValue {
    if (node === null) return null;
    if (depth > MAX_DOCUMENT_DEPTH) {
      throw new YamlError(`nested deeper than ${MAX_DOCUMENT_DEPTH} levels`, startOf(node));
    }
    if (isAlias(node)) return this.#alias(node);
    const before = this.#size++;
    const value = this.#value(node, depth);
    const anchor = (node as { readonly anchor?: string }).anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#size - before });
    return value;
  }

  #value(node: Node, depth: number): PlainValue {
    if (isScalar(node)) return scalarValue(node);
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) {
      return node.items.map((item) => this.convert(item as Node | null, depth + 1));
    }
    throw new YamlError("is neither a scalar, a list nor a map", startOf(node));
  }

  #alias(node: Alias): PlainValue {
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      throw new YamlError(`alias *${node.source} names no anchor before it`, startOf(node));
    }
    this.#size += target.size;
    this.#aliased += target.size;
    if (this.#aliased > MAX_ALIASED_VALUES) {
      throw new YamlError(`aliases repeat more than ${MAX_ALIASED_VALUES} values`, startOf(node));
    }
    return target.value;
  }

  #map(node: YAMLMap, depth: number): PlainMap {
    const map: PlainMap = {};
    let merges: PlainMap[] | undefined;
    for (const pair of node.items) {
      const key = keyOf(pair);
      const value = this.convert(pair.value as Node | null, depth + 1);
      const isTwice = isMergeKey(pair) ? merges !== undefined : Object.hasOwn(map, key);
      if (isTwice) this.#duplicate(pair, key);
      else if (isMergeKey(pair)) merges = mergeSources(value, startOf(pair.value as Node | null));
      else setOwn(map, key, value);
    }
    for (const source of merges ?? []) addMissing(map, source);
    return map;
  }

  #duplicate(pair: Pair, key: string): void {
    const message = `key ${quote(key)} is there twice`;
    this.duplicates.push(new YamlError(message, startOf(pair.key as Node | null)));
  }
}

/** Keys of the map itself win over merged ones, earlier sources over later ones. */
function addMissing(map: PlainMap, source: PlainMap): void {
  for (const [key, value] of Object.entries(source)) {
    if (!Object.hasOwn(map, key)) setOwn(map, key, value);
  }
}

function mergeSources(value: PlainValue, offset: number): PlainMap[] {
  const sources = Array.isArray(value) ? value : [value];
  if (sources.every(isPlainMap)) return sources;
  throw new YamlError("the merge key << needs a map or a list of maps", offset);
}

function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.source === "<<" && pair.key.type === "PLAIN";
}

function keyOf(pair: Pair): string {
  if (isScalar(pair.key)) {
    return String(pair.key.type === "PLAIN" ? pair.key.source : pair.key.value);
  }
  throw new YamlError("a key must be a scalar", startOf(pair.key as Node | null));
}

function scalarValue(node: Scalar): PlainValue {
  const text = String(node.value);
  if (node.type !== "PLAIN" || node.tag === "tag:yaml.org,2002:str") return text;
  return readPlainScalar(node.source ?? text);
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

/** Returns the offset of the value at `path`, or of its key; as far as the document goes along. */
export function offsetOf(document: Document.Parsed, path: Path, at: "key" | "value"): number {
  let node = document.contents as Node | null;
  let offset = startOf(node);
  for (const [index, key] of path.entries()) {
    const pair = step(document, node, key);
    if (pair === undefined) break;
    const last = index === path.length - 1;
    const target = last && at === "key" ? pair.key ?? pair.value : pair.value ?? pair.key;
    offset = startOf(target);
    node = pair.value;
  }
  return offset;
}

interface Step {
  readonly key: Node | null;
  readonly value: Node | null;
}

function step(
  document: Document.Parsed,
  from: Node | null,
  key: string | number,
): Step | undefined {
  const node = isAlias(from) ? from.resolve(document) ?? null : from;
  if (isSeq(node)) return stepIntoList(node, key);
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => !isMergeKey(item) && isSpelling(keyOf(item), key));
  if (pair) return { key: pair.key as Node | null, value: pair.value as Node | null };
  const merge = node.items.find(isMergeKey);
  return merge && stepIntoMerge(document, merge.value as Node | null, key);
}

/** Paths made from messages have proto names where the user may have written the JSON name. */
function isSpelling(written: string, key: string | number): boolean {
  return written === key || (typeof key === "string" && written === jsonNameOf(key));
}

function stepIntoList(node: YAMLSeq, key: string | number): Step | undefined {
  const item = typeof key === "number" ? node.items[key] : undefined;
  return item === undefined ? undefined : { key: null, value: item as Node };
}

function stepIntoMerge(
  document: Document.Parsed,
  merged: Node | null,
  key: string | number,
): Step | undefined {
  if (!isSeq(merged)) return step(document, merged, key);
  for (const source of merged.items) {
    const found = step(document, source as Node, key);
    if (found) return found;
  }
  return undefined;
}
