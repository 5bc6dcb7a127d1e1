// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that is wrong with files, by the rules by which the service takes them over, but without
 * stopping at the first kind of error: what can be told in spite of an error is told.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import {
  isPlainMap,
  listAt,
  parseDocuments,
  type PlainValue,
  type SourceDocument,
} from "@denvoy/proto";
import type { ResourceKey } from "@denvoy/xds";
import { Catalog, type SlotEdit } from "./catalog.ts";
import { brokenReferences, type ConsistencyPolicy } from "./consistency.ts";
import { FileSet } from "./file_set.ts";
import { everyNode } from "./node_selector.ts";
import { readResourceText, type ResourceDraft } from "./resource_document.ts";
import { RESOURCE_WRAPPER, resourceType } from "./resource_types.ts";
import { tiedSelectors } from "./tied_selectors.ts";

/** What a check found. */
export interface FileCheck {
  /** All errors and warnings, by file and place. */
  readonly problems: readonly Problem[];
  /** The resources without errors, by file. */
  readonly drafts: ReadonlyMap<string, readonly ResourceDraft[]>;
  /** References could not be followed: a file is unreadable, so that nobody knows what it holds. */
  readonly referencesUnknown: boolean;
}

/** Checks files by name as if they were all that is served. `policy` is about broken references. */
export function checkFiles(
  texts: ReadonlyMap<string, string>,
  policy: ConsistencyPolicy,
): FileCheck {
  const problems: Problem[] = [];
  const drafts = new Map<string, readonly ResourceDraft[]>();
  const failed: SourceDocument[] = [];
  let referencesUnknown = false;
  for (const [file, text] of texts) {
    const document = readResourceText(text, { file });
    problems.push(...document.problems);
    drafts.set(file, document.drafts);
    if (!hasErrors(document.problems)) continue;
    const { documents } = parseDocuments(text, { file });
    failed.push(...documents);
    referencesUnknown ||= documents.length === 0;
  }
  const catalog = new Catalog();
  catalog.apply(failed.flatMap(({ value }) => keysMeant(value)).map(standIn));
  const staged = new FileSet().stage(drafts);
  const { touched } = catalog.apply(staged.edits);
  problems.push(...staged.problems, ...tiedSelectors(touched));
  if (!referencesUnknown) problems.push(...brokenReferences(catalog, { touched, policy }));
  return { problems: inOrder(problems), drafts, referencesUnknown };
}

/** What a document with errors means to give: what refers to that is no mistake of its own. */
function keysMeant(value: PlainValue): readonly ResourceKey[] {
  const items = listAt(value, "resources")?.map((item) => item.value) ?? [value];
  return items.flatMap((item): ResourceKey[] => {
    const name = textAt(item, "name");
    if (textAt(item, "@type") === RESOURCE_WRAPPER) {
      return keysMeant(fieldAt(item, "resource") ?? null).map((key) => ({
        ...key,
        name: name ?? key.name,
      }));
    }
    const type = resourceType(textAt(item, "@type") ?? textAt(value, "type_url") ?? "");
    const { nameField } = type ?? {};
    const own = nameField && (textAt(item, nameField) ?? textAt(item, camelCase(nameField)));
    return type === undefined ? [] : [{ typeUrl: type.typeUrl, name: own ?? "" }];
  });
}

function standIn(key: ResourceKey): SlotEdit {
  const resource = { ...key, value: new Uint8Array(), version: "", references: [] };
  const place = { file: "" };
  return { key, selector: everyNode, layer: "files", entry: { resource, place } };
}

function fieldAt(value: PlainValue, key: string): PlainValue | undefined {
  return isPlainMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function textAt(value: PlainValue, key: string): string | undefined {
  const field = fieldAt(value, key);
  return typeof field === "string" ? field : undefined;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) =>
    compare(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
