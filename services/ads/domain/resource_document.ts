// SPDX-License-Identifier: Apache-2.0
/**
 * Reads resources as people write them: the shape of a DiscoveryResponse, as in the files that
 * Envoy's own `path_config_source` reads, with `nodes:` for the nodes that the resources are for.
 * Everything that is wrong with a text is reported, each with its place.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import {
  isPlainMap,
  listAt,
  parseDocuments,
  type ParseOptions,
  type Path,
  type PlainItem,
  type PlainMap,
  type PlainValue,
  problemAt,
  readMessage,
  type SourceDocument,
  validate,
} from "@denvoy/proto";
import type { Resource, TypeUrl } from "@denvoy/xds";
import { everyNode, type NodeSelector } from "./node_selector.ts";
import { createResource } from "./resource_factory.ts";
import { parseNodeSelector } from "./selector_parser.ts";

/** A resource in a text. */
export interface ResourceDraft {
  /** The resource. */
  readonly resource: Resource;
  /** The nodes that it is for. */
  readonly selector: NodeSelector;
  /** 1-based line where it begins. */
  readonly line: number;
}

/** What a text holds. */
export interface ResourceDocument {
  /** The resources in order; those without errors. */
  readonly drafts: readonly ResourceDraft[];
  /** All errors and warnings. */
  readonly problems: readonly Problem[];
}

/** Fields of a DiscoveryResponse that are accepted and mean nothing in a file, and our own. */
const DOCUMENT_FIELDS = [
  "resources",
  "nodes",
  "type_url",
  "version_info",
  "nonce",
  "canary",
  "control_plane",
  "resource_errors",
  "@type",
];
const DISCOVERY_RESPONSE = "type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse";

/** How resources are read. */
export interface ResourceTextOptions extends ParseOptions {
  /** A document that is neither a list of resources nor says its `@type` is a resource of this type. */
  readonly typeUrl?: TypeUrl;
  /** The nodes that resources are for whose document does not say. Default: every node. */
  readonly selector?: NodeSelector;
}

/** Reads all documents of a text. Never throws. */
export function readResourceText(
  text: string,
  options: ResourceTextOptions = {},
): ResourceDocument {
  const { documents, problems } = parseDocuments(text, options);
  const parts = documents.map((source) => readResourceDocument(source, options));
  return {
    drafts: parts.flatMap(({ drafts }) => drafts),
    problems: [...problems, ...parts.flatMap((part) => part.problems)],
  };
}

/** Reads one document: a DiscoveryResponse, or one resource with its `@type`. */
export function readResourceDocument(
  source: SourceDocument,
  { typeUrl: only, selector: nodes = everyNode }: ResourceTextOptions = {},
): ResourceDocument {
  const { value } = source;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return failed(source, [], "must be a map with resources");
  }
  if (typeof value["@type"] === "string" && value["@type"] !== DISCOVERY_RESPONSE) {
    return readItem(source, { item: { value, path: [] }, selector: nodes });
  }
  if (only !== undefined && !Object.hasOwn(value, "resources")) {
    return readItem(source, { item: { value, path: [] }, selector: nodes, typeUrl: only });
  }
  const fields = snakeCaseKeys(value);
  const problems = [...unknownFields(source, value)];
  const selector = fields.nodes === undefined
    ? nodes
    : readSelector(source, { nodes: fields.nodes, problems });
  const items = listAt(value, "resources");
  if (items === undefined) {
    if (fields.resources === undefined) problems.push(...failed(source, [], NO_LIST).problems);
    else problems.push(...failed(source, ["resources"], "must be a list").problems);
  }
  const typeUrl = typeof fields.type_url === "string" ? fields.type_url : only;
  const parts = (items ?? []).map((item) => readItem(source, { item, selector, typeUrl }));
  return {
    drafts: parts.flatMap(({ drafts }) => drafts),
    problems: [...problems, ...parts.flatMap((part) => part.problems)],
  };
}

const NO_LIST = "needs a list of resources, or an @type that says which resource it is";

interface ItemContext {
  readonly item: PlainItem;
  readonly selector: NodeSelector;
  /** Type of items that do not say theirs. */
  readonly typeUrl?: TypeUrl | undefined;
}

function readItem(source: SourceDocument, context: ItemContext): ResourceDocument {
  const { item: { value, path }, selector, typeUrl } = context;
  const isBare = typeUrl !== undefined && isPlainMap(value) && !Object.hasOwn(value, "@type");
  const read = readMessage({ value, path, source, ...(isBare ? { typeUrl } : {}) });
  if (read.message === undefined) return { drafts: [], problems: read.problems };
  const problems = [...read.problems, ...validate(read.message, { source, path })];
  if (hasErrors(problems)) return { drafts: [], problems };
  const resource = createResource(read.message);
  if (!resource.ok) {
    const place = [...path, ...resource.error.path];
    return {
      drafts: [],
      problems: [...problems, problemAt(source, place, { message: resource.error.message })],
    };
  }
  const { line } = source.place(path);
  return { drafts: [{ resource: resource.value, selector, line }], problems };
}

function readSelector(
  source: SourceDocument,
  { nodes, problems }: { nodes: PlainValue; problems: Problem[] },
): NodeSelector {
  const parsed = parseNodeSelector(nodes);
  if (parsed.ok) return parsed.value;
  const { line, column } = source.place(["nodes"]);
  const place = { ...fileOf(source), line, column };
  problems.push(...parsed.error.map((problem) => ({ ...problem, ...place })));
  return everyNode;
}

function* unknownFields(source: SourceDocument, value: PlainMap): Generator<Problem> {
  for (const key of Object.keys(value)) {
    if (DOCUMENT_FIELDS.includes(snakeCase(key))) continue;
    const known = DOCUMENT_FIELDS.join(", ");
    const message = `unknown field "${key}", expected one of ${known}`;
    yield problemAt(source, [key], { message, at: "key" });
  }
}

function snakeCaseKeys(value: PlainMap): Readonly<Record<string, PlainValue>> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), item]));
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function failed(source: SourceDocument, path: Path, message: string): ResourceDocument {
  return { drafts: [], problems: [problemAt(source, path, { message })] };
}

function fileOf({ file }: SourceDocument): { readonly file?: string } {
  return file === undefined ? {} : { file };
}
