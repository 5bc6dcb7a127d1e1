// SPDX-License-Identifier: Apache-2.0
/**
 * The history: revisions, what differs between two, and the way back.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  invalid,
  json,
  notFound,
  route,
  text,
  whoOf,
} from "@denvoy/runtime";
import type { SlotDifference } from "../domain/revision.ts";
import { allBrokenReferences } from "../domain/consistency.ts";
import { type ApiParts, typeOf } from "./api_parts.ts";
import { changeResponses, headJson, outcomeResponse } from "./outcome_json.ts";
import { changeDiff, changeJson, type Json } from "./resource_json.ts";

const TAG = "revisions";
const params = { id: "Number of the revision." };

/** Returns the routes. */
export function revisionRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [list(parts), readOne(parts), diff(parts), rollback(parts), consistency(parts)];
}

function list({ configuration: { store, writer } }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/revisions",
    summary: "The revisions that are kept, newest first",
    tag: TAG,
    query: {
      limit: { type: "integer", min: 1, max: 1000, default: 100, doc: "At most so many." },
      before: { type: "integer", doc: "Only older ones than this." },
      type: { type: "string", doc: "Only those that changed this resource; with `name`." },
      name: { type: "string", doc: "Only those that changed this resource; with `type`." },
    },
    responses: {
      200: {
        doc: "Who changed what when; `current` is the newest, `oldest` the first that is kept.",
        schema: {
          type: "object",
          required: ["revisions", "current", "oldest"],
          properties: {
            revisions: { type: "array", items: anyObject },
            current: { type: "integer" },
            oldest: { type: "integer" },
          },
        },
      },
    },
    handle({ query: { limit, before, type, name } }) {
      if ((type === undefined) !== (name === undefined)) {
        invalid("type", "type and name must be given together");
      }
      const heads = store.heads({
        limit,
        ...(before !== undefined && { before }),
        ...(type !== undefined && name !== undefined &&
          { key: { typeUrl: typeOf(type).typeUrl, name } }),
      });
      const revisions = heads.map((head) => ({ ...headJson(head), changes: head.changeCount }));
      return json({ revisions, current: writer.revision, oldest: store.oldestRevision() });
    },
  });
}

function readOne({ configuration: { store } }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/revisions/{id}",
    summary: "One revision with its changes",
    tag: TAG,
    params,
    query: { diff: { type: "boolean", doc: "Adds the difference of each resource." } },
    responses: { 200: { doc: "The revision.", schema: anyObject } },
    handle({ params: { id }, query }) {
      const revision = store.revision(revisionOf("id", id)) ??
        notFound(`revision ${id} is not kept`);
      const changes = revision.changes.map((change) =>
        withDiff(change, query.diff ? store : undefined)
      );
      return json({ ...headJson(revision), changes });
    },
  });
}

function diff({ configuration: { store, writer } }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/diff",
    summary: "What differs between two revisions",
    description: "With `Accept: text/plain` one unified diff of canonical YAML. Revision 0 is " +
      "before the first.",
    tag: TAG,
    query: {
      from: { type: "integer", doc: "The one revision. Default: the one before `to`." },
      to: { type: "integer", doc: "The other. Default: the newest." },
    },
    responses: {
      200: {
        doc: "The differences.",
        schema: anyObject,
        types: ["application/json", "text/plain"],
      },
    },
    handle({ query, headers }) {
      const to = query.to ?? writer.revision;
      const from = query.from ?? Math.max(0, to - 1);
      const found = writer.differences(from, to) ??
        notFound(
          `cannot compare revisions ${from} and ${to} as only ` +
            `${Math.max(0, store.oldestRevision() - 1)} to ${writer.revision} are kept`,
        );
      const changes = found.map((change) => withDiff(change, store));
      if (headers.get("accept")?.includes("text/plain")) {
        return text(changes.map((change) => change.diff).join(""));
      }
      return json({ from, to, changes });
    },
  });
}

function rollback(parts: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/revisions/{id}/rollback",
    summary: "Serves again what was served at a revision",
    description: "Makes a new revision. What the API wrote is written again; over what files say " +
      "it lasts until that resource changes in the file. Registrations stay as they are.",
    tag: TAG,
    params,
    query: { dryRun: { type: "boolean", doc: "Changes nothing; answers what would change." } },
    responses: changeResponses,
    async handle(request) {
      const { params: { id }, query: { dryRun } } = request;
      const { writer, submit } = parts.configuration;
      const options = { who: whoOf(request), nowMs: parts.clock.nowMs(), dryRun };
      const outcome = await submit(() => writer.rollback(revisionOf("id", id), options));
      return outcomeResponse(parts, outcome);
    },
  });
}

function consistency({ configuration: { catalog } }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/consistency",
    summary: "References in what is served that lead nowhere",
    tag: "resources",
    responses: {
      200: {
        doc: "All of them; empty when there are none.",
        schema: {
          type: "object",
          required: ["problems"],
          properties: { problems: { type: "array", items: anyObject } },
        },
      },
    },
    handle: () => json({ problems: allBrokenReferences(catalog, "warn") }),
  });
}

function withDiff(
  change: SlotDifference,
  store: ApiParts["configuration"]["store"] | undefined,
): Json & { readonly diff?: string } {
  const body = changeJson(change);
  if (store === undefined) return body;
  const content = (version: string, name: string) => store.content(version, name);
  return { ...body, diff: changeDiff(change, content) };
}

function revisionOf(path: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  return invalid(path, `must be the number of a revision: current value is "${text}"`);
}
