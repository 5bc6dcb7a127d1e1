// SPDX-License-Identifier: Apache-2.0
/**
 * Turns plain values into messages by the canonical JSON mapping of proto3, as Envoy reads its YAML.
 * Everything that is wrong is reported, each with its place; nothing is dropped or guessed.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import { AnyMessage } from "./message.ts";
import { MessageReader } from "./message_reader.ts";
import { formatPath, type Path } from "./path.ts";
import { isPlainMap, type PlainValue } from "./plain.ts";
import { loadRegistry } from "./registry.ts";
import type { SourceDocument } from "./source.ts";

/** What is read as which message. */
export interface ReadOptions {
  /** The message as a plain value. */
  readonly value: PlainValue;
  /** What it is. @default its `@type` */
  readonly typeUrl?: string;
  /** Where it stands in its document. @default the root */
  readonly path?: Path;
  /** The document, for lines and columns. */
  readonly source?: SourceDocument;
}

/** What came of it. */
export interface ReadResult {
  /** The message; absent when there is an error. */
  readonly message?: AnyMessage;
  /** Errors, and warnings such as the use of a deprecated field, in the order of the document. */
  readonly problems: readonly Problem[];
}

/** More problems than this in one message are not reported. */
const MAX_PROBLEMS = 100;

/**
 * Reads one message. Never throws.
 *
 * @example
 * ```ts
 * const { documents } = parseDocuments(text, { file: "clusters.yaml" });
 * for (const source of documents) {
 *   const { message, problems } = readMessage({ value: source.value, source });
 * }
 * ```
 */
export function readMessage(options: ReadOptions): ReadResult {
  const { value, source, path = [] } = options;
  const problems: Problem[] = [];
  const reader = new MessageReader({
    registry: loadRegistry(),
    path,
    report: ({ severity, message, path, at, hint }) => {
      if (problems.length >= MAX_PROBLEMS) return;
      const place = source?.place(path, at);
      problems.push({
        severity,
        message,
        ...(source?.file === undefined ? {} : { file: source.file }),
        ...place,
        ...(path.length === 0 ? {} : { path: formatPath(path) }),
        ...(hint === undefined ? {} : { hint }),
      });
    },
  });
  const described = reader.readRoot(value, options.typeUrl);
  if (described === undefined || hasErrors(problems)) return { problems };
  return { message: new AnyMessage(described), problems };
}

/**
 * Returns the list under `key` of a map together with the path of each item, for documents in the
 * shape of a DiscoveryResponse (`resources:`); undefined when there is no such list.
 */
export function listAt(value: PlainValue, key: string): readonly PlainItem[] | undefined {
  const list = isPlainMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  if (!Array.isArray(list)) return undefined;
  return list.map((item, index) => ({ value: item, path: [key, index] }));
}

/** A value in a document. */
export interface PlainItem {
  /** The value. */
  readonly value: PlainValue;
  /** Where it stands. */
  readonly path: Path;
}
