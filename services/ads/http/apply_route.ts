// SPDX-License-Identifier: Apache-2.0
/**
 * `POST /v1/apply`: many resources in one change, of which all or nothing is applied.
 * @module
 */
import { hasErrors, type Problem, ProblemError } from "@denvoy/base";
import { anyObject, type AnyRoute, invalid, route, whoOf } from "@denvoy/runtime";
import type { SlotEdit } from "../domain/catalog.ts";
import { readResourceText, type ResourceDraft } from "../domain/resource_document.ts";
import { describeKey } from "../domain/resource_types.ts";
import { slotText } from "../domain/slot.ts";
import { type ApiParts, bodyFormat, resourceMediaTypes, selectorOf, typeOf } from "./api_parts.ts";
import { change, changeQuery } from "./change_options.ts";
import { changeResponses, outcomeResponse } from "./outcome_json.ts";

/** Reading a body holds everything else up; 10,000 resources are a few MiB. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/** Returns the route. */
export function applyRoute(parts: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/apply",
    summary: "Writes and deletes many resources as one change",
    description: "The body has the shape of resource files: `resources:` with `@type`, `nodes:` " +
      "for the nodes they are for, several YAML documents.",
    tag: "resources",
    query: {
      delete: {
        type: "strings",
        doc: "Resources to delete, e.g. `clusters/old`; may be repeated.",
      },
      prune: { type: "boolean", doc: "Deletes everything that this API wrote and the body lacks." },
      nodes: { type: "string", doc: "The nodes that `delete` and documents without `nodes` mean." },
      ...changeQuery,
    },
    body: {
      doc: "The resources.",
      schema: anyObject,
      types: resourceMediaTypes,
      maxBytes: MAX_BODY_BYTES,
    },
    responses: changeResponses,
    async handle(request) {
      const { query } = request;
      const selector = selectorOf(query.nodes);
      const { drafts, problems } = readResourceText(await request.text(), {
        selector,
        format: bodyFormat(request),
      });
      const puts = putEdits(drafts, { who: whoOf(request), atMs: parts.clock.nowMs() });
      const all = [...problems, ...puts.problems];
      if (hasErrors(all)) throw new ProblemError(all);
      const deletes = query.delete.map((text): SlotEdit => {
        return { key: readKey(text), selector, layer: "api", entry: undefined };
      });
      const summary = `apply ${puts.edits.length} resources`;
      const outcome = await parts.configuration.submit(() => {
        const pruned = query.prune ? pruneEdits(parts, puts.edits) : [];
        const edits = lastOfEach([...pruned, ...deletes, ...puts.edits]);
        return change(parts, request, { edits, summary });
      });
      return outcomeResponse(parts, outcome);
    },
  });
}

function putEdits(
  drafts: readonly ResourceDraft[],
  { who, atMs }: { who: string; atMs: number },
): { edits: readonly SlotEdit[]; problems: readonly Problem[] } {
  const edits = new Map<string, SlotEdit>();
  const problems: Problem[] = [];
  for (const { resource, selector, line } of drafts) {
    const slot = { key: { typeUrl: resource.typeUrl, name: resource.name }, selector };
    if (edits.has(slotText(slot))) {
      const message = `${describeKey(slot.key)} is given twice`;
      problems.push({ severity: "error", message, line });
    }
    edits.set(slotText(slot), { ...slot, layer: "api", entry: { resource, who, atMs } });
  }
  return { edits: [...edits.values()], problems };
}

function lastOfEach(edits: readonly SlotEdit[]): readonly SlotEdit[] {
  return [...new Map(edits.map((edit) => [slotText(edit), edit])).values()];
}

function pruneEdits(
  { configuration: { catalog } }: ApiParts,
  puts: readonly SlotEdit[],
): SlotEdit[] {
  const kept = new Set(puts.map(slotText));
  const edits: SlotEdit[] = [];
  for (const typeUrl of catalog.typeUrls()) {
    for (const { name, slots } of catalog.states(typeUrl)) {
      for (const { selector, api } of slots) {
        const edit: SlotEdit = { key: { typeUrl, name }, selector, layer: "api", entry: undefined };
        if (api !== undefined && !kept.has(slotText(edit))) edits.push(edit);
      }
    }
  }
  return edits;
}

function readKey(text: string): { typeUrl: string; name: string } {
  const slash = text.indexOf("/");
  if (slash < 1) invalid("delete", `must be <type>/<name>: current value is "${text}"`);
  return { typeUrl: typeOf(text.slice(0, slash)).typeUrl, name: text.slice(slash + 1) };
}
