// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the section of a service in `denvoy.yaml` into texts per field, with file and line.
 * @module
 */
import { didYouMean, type Problem } from "@denvoy/base";
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import type { Given, GivenFields } from "./given.ts";
import type { NamedField, Schema } from "./schema.ts";
import { SERVICE_NAMES } from "./shared_fields.ts";

/** The text of a configuration file and the name that the user knows it by. */
export interface ConfigFile {
  /** As the user named it. */
  readonly path: string;
  /** Its content. */
  readonly text: string;
}

/** Reads the section of the schema's service; sections of other services are passed over. */
export function readYaml(schema: Schema, file: ConfigFile): GivenFields {
  const reader = new YamlReader(schema, file);
  reader.read();
  return { given: reader.given, problems: reader.problems };
}

class YamlReader {
  readonly given = new Map<string, Given>();
  readonly problems: Problem[] = [];
  readonly #schema: Schema;
  readonly #file: ConfigFile;
  readonly #lines = new LineCounter();

  constructor(schema: Schema, file: ConfigFile) {
    this.#schema = schema;
    this.#file = file;
  }

  read(): void {
    const document = parseDocument(this.#file.text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: true,
    });
    for (const error of document.errors) {
      this.#problem(error.pos[0], `cannot read YAML as ${lowerFirst(error.message)}`);
    }
    if (document.errors.length > 0 || document.contents === null) return;
    this.#readRoot(document.contents);
  }

  #readRoot(root: Node): void {
    if (isScalar(root) && root.value === null) return;
    if (!isMap(root)) return this.#problem(offsetOf(root), "must be a mapping of service names");
    const services = [...new Set<string>([...SERVICE_NAMES, this.#schema.service])];
    for (const pair of root.items) {
      const name = keyText(pair);
      if (name === this.#schema.service) this.#readSection(pair);
      else if (!services.includes(name)) {
        const hint = didYouMean(name, services);
        const rule = `cannot use section as it must be one of ${services.join(", ")}`;
        this.#problem(offsetOf(pair.key), rule, { path: name, ...(hint && { hint }) });
      }
    }
  }

  #readSection(section: Pair): void {
    const { service } = this.#schema;
    if (isScalar(section.value) && section.value.value === null) return;
    if (!isMap(section.value)) {
      return this.#problem(offsetOf(section.key), "must be a mapping of fields", { path: service });
    }
    for (const pair of section.value.items) {
      const name = keyText(pair);
      const named = this.#schema.fields.find((field) => field.yamlKey === name);
      if (named !== undefined) this.#readField(named, pair);
      else this.#unknown(name, pair);
    }
  }

  #readField(named: NamedField, pair: Pair): void {
    const path = `${this.#schema.service}.${named.yamlKey}`;
    const texts = textsOf(pair.value, named.field.shape);
    const offset = offsetOf(pair.value) ?? offsetOf(pair.key);
    if (texts === undefined) {
      return this.#problem(offset, `cannot set field as it must be ${shapeInWords(named)}`, {
        path,
      });
    }
    this.given.set(named.key, { texts, place: { ...this.#place(offset), path } });
  }

  #unknown(name: string, pair: Pair): void {
    const hint = didYouMean(name, this.#schema.fields.map((field) => field.yamlKey));
    this.#problem(offsetOf(pair.key), "cannot set field as it is unknown", {
      path: `${this.#schema.service}.${name}`,
      ...(hint && { hint }),
    });
  }

  #place(offset: number | undefined): Pick<Problem, "file" | "line" | "column"> {
    if (offset === undefined) return { file: this.#file.path };
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file.path, line, column: col };
  }

  #problem(
    offset: number | undefined,
    message: string,
    more: { readonly path?: string; readonly hint?: string } = {},
  ): void {
    this.problems.push({ severity: "error", message, ...this.#place(offset), ...more });
  }
}

function textsOf(node: unknown, shape: string): readonly string[] | undefined {
  if (isSeq(node) && shape === "list") {
    const texts = node.items.map(scalarText);
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  if (shape === "map") {
    if (!isMap(node)) return undefined;
    const pairs = node.items.map((pair) => [keyText(pair), scalarText(pair.value)] as const);
    if (pairs.some(([, text]) => text === undefined)) return undefined;
    return pairs.map(([key, text]) => `${key}=${text}`);
  }
  const text = scalarText(node);
  return text === undefined ? undefined : [text];
}

/** The text as written, so that `0x10`, `1e3` or `01` mean in YAML what they mean in a flag. */
function scalarText(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function offsetOf(node: unknown): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range?.[0];
}

function shapeInWords(named: NamedField): string {
  if (named.field.shape === "list") return "a value or a list of values";
  if (named.field.shape === "map") return "a mapping of keys and values";
  return "a single value";
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, "");
}
