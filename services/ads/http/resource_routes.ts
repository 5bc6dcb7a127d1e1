// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/resources`: what is served, and the layer of it that this API writes.
 * @module
 */
import { hasErrors, ProblemError, StatusCode } from "@denvoy/base";
import {
  anyObject,
  type AnyRoute,
  type ApiResponse,
  entityTag,
  HttpError,
  invalid,
  isNotModified,
  json,
  notFound,
  pageQuery,
  pageSchema,
  type QueryParameters,
  route,
  text,
  whoOf,
} from "@denvoy/runtime";
import type { Resource } from "@denvoy/xds";
import type { NodeSelector } from "../domain/node_selector.ts";
import { readResourceText, type ResourceDraft } from "../domain/resource_document.ts";
import { describeKey, type ResourceType } from "../domain/resource_types.ts";
import { type KeyState, settled, type Slot } from "../domain/slot.ts";
import { type ApiParts, bodyFormat, resourceMediaTypes, selectorOf, typeOf } from "./api_parts.ts";
import { change, changeQuery, expectationsOf } from "./change_options.ts";
import { changeResponses, outcomeResponse } from "./outcome_json.ts";
import { resourceJson, resourceYaml, slotJson } from "./resource_json.ts";
import { listResources } from "./resource_list.ts";

const TAG = "resources";
const params = {
  type: "`clusters`, `listeners`, `routes`, `endpoints`, `secrets` …, or a type URL.",
  name: "Name of the resource.",
};
const nodesQuery = {
  nodes: {
    type: "string",
    doc: "The nodes that the resource is for, e.g. `cluster=front`; none means every node.",
  },
} as const satisfies QueryParameters;

/** Returns the routes. */
export function resourceRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [list(parts), read(parts), write(parts), remove(parts)];
}

function list(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/resources",
    summary: "What is served, by type and name",
    description: "Sorted by type and name. `next` is there when there is more: pass it as `after`.",
    tag: TAG,
    query: {
      type: { type: "string", doc: "Only this type." },
      name: { type: "string", doc: "Only names that match; `*` stands for anything." },
      owner: {
        type: "string",
        words: ["files", "api", "pin", "rollout"],
        doc: "Only what this layer decides.",
      },
      ...pageQuery,
      limit: { ...pageQuery.limit, default: 1000 },
    },
    responses: {
      200: {
        doc: "One entry for each resource and selector.",
        schema: pageSchema("resources", anyObject),
      },
    },
    handle: ({ query }) => json(listResources(parts.configuration.catalog, query)),
  });
}

function read(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/resources/{type}/{name...}",
    summary: "One resource",
    description: "With `Accept: application/yaml` the resource alone. Secrets are redacted. The " +
      "entity tag is the version that `If-Match` of a write expects.",
    tag: TAG,
    params,
    query: nodesQuery,
    responses: {
      200: { doc: "The resource.", schema: anyObject },
      304: { doc: "As you know it." },
    },
    handle({ params: { type, name }, query, headers }) {
      const { state, slot } = find(parts, { type: typeOf(type), name, nodes: query.nodes });
      const resource = shownOf(state, slot) ?? notFound(`${describeKey(state)} is hidden`);
      const etag = entityTag(tagVersion(slot) ?? resource.version);
      if (isNotModified(headers, etag)) return { kind: "empty", status: 304, headers: { etag } };
      return render({ state, slot, resource }, { accept: headers.get("accept"), etag });
    },
  });
}

function write(parts: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/resources/{type}/{name...}",
    summary: "Writes one resource",
    description: "The body is the message as canonical JSON or YAML; or the message in an " +
      "`envoy.service.discovery.v3.Resource`, for a TTL or a type without a name of its own.",
    tag: TAG,
    params,
    query: { ...nodesQuery, ...changeQuery },
    body: {
      doc: "The resource.",
      schema: anyObject,
      types: resourceMediaTypes,
    },
    responses: changeResponses,
    async handle(request) {
      const { params: { type, name }, query, headers } = request;
      const resourceType = typeOf(type);
      const draft = onlyDraft(await request.text(), {
        type: resourceType,
        selector: selectorOf(query.nodes),
        format: bodyFormat(request),
      });
      checkName(draft, { type: resourceType, name });
      const { resource, selector } = draft;
      const slot = { key: { typeUrl: resource.typeUrl, name }, selector };
      const entry = { resource, who: whoOf(request), atMs: parts.clock.nowMs() };
      const wanted = {
        edits: [{ ...slot, layer: "api" as const, entry }],
        summary: `put ${describeKey(slot.key)}`,
        expectations: expectationsOf(headers, slot),
      };
      const outcome = await parts.configuration.submit(() => change(parts, request, wanted));
      return outcomeResponse(parts, outcome);
    },
  });
}

function remove(parts: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/resources/{type}/{name...}",
    summary: "Deletes what this API wrote",
    description:
      "What a file says of the same name is served again. What only a file says cannot " +
      "be deleted here.",
    tag: TAG,
    params,
    query: { ...nodesQuery, ...changeQuery },
    responses: { ...changeResponses, 404: { doc: "There is no such resource." } },
    async handle(request) {
      const { params: { type, name }, query, headers } = request;
      const outcome = await parts.configuration.submit(() => {
        const { state, slot } = find(parts, { type: typeOf(type), name, nodes: query.nodes });
        if (slot?.api === undefined) throw notOurs(state, slot);
        const ref = { key: { typeUrl: state.typeUrl, name }, selector: slot.selector };
        return change(parts, request, {
          edits: [{ ...ref, layer: "api", entry: undefined }],
          summary: `delete ${describeKey(state)}`,
          expectations: expectationsOf(headers, ref),
        });
      });
      return outcomeResponse(parts, outcome);
    },
  });
}

interface Found {
  readonly state: KeyState;
  /** Absent for a load assignment that is made of registered endpoints only. */
  readonly slot: Slot | undefined;
}

function find(
  { configuration: { catalog } }: ApiParts,
  { type, name, nodes }: { type: ResourceType; name: string; nodes: string | undefined },
): Found {
  const key = { typeUrl: type.typeUrl, name };
  const state = catalog.state(key) ?? notFound(`there is no ${describeKey(key)}`);
  const selector = selectorOf(nodes);
  const slot = state.slot(selector);
  if (slot !== undefined) return { state, slot };
  if (nodes === undefined && state.slots.length === 0) return { state, slot: undefined };
  const known = state.slots.map((other) => other.selector.key || "every node").join("; ");
  const wanted = selector.key === "" ? "every node" : `nodes ${selector.key}`;
  return notFound(`there is no ${describeKey(key)} for ${wanted}, only for ${known}`);
}

/** What nodes are served; for a load assignment with the endpoints that registered. */
function shownOf(state: KeyState, slot: Slot | undefined): Resource | undefined {
  const written = slot && settled(slot)?.resource;
  if (state.overlay === undefined) return written ?? slot?.canary?.resource;
  const only = slot?.selector;
  return state.effective({
    matches: ({ clauses, key }) => clauses.length === 0 || key === only?.key,
  });
}

function tagVersion(slot: Slot | undefined): string | undefined {
  return slot && settled(slot)?.resource?.version;
}

function render(
  { state, slot, resource }: Found & { readonly resource: Resource },
  { accept, etag }: { accept: string | undefined; etag: string },
): ApiResponse {
  if (accept?.includes("yaml")) {
    return text(resourceYaml(resource), { type: "application/yaml", headers: { etag } });
  }
  const head = slot === undefined
    ? {
      type: state.typeUrl,
      name: state.name,
      registeredEndpoints: state.overlay?.endpoints.length,
    }
    : slotJson(state, slot);
  const body = { ...head, servedVersion: resource.version, resource: resourceJson(resource) };
  return json(body, { headers: { etag } });
}

function onlyDraft(
  body: string,
  { type: { typeUrl }, selector, format }: {
    type: ResourceType;
    selector: NodeSelector;
    format: "json" | "yaml";
  },
): ResourceDraft {
  const { drafts, problems } = readResourceText(body, { typeUrl, selector, format });
  if (hasErrors(problems)) throw new ProblemError(problems);
  const [draft] = drafts;
  if (draft !== undefined && drafts.length === 1) return draft;
  return invalid("", `the body must hold one resource: it holds ${drafts.length}`);
}

function checkName(
  { resource }: ResourceDraft,
  { type, name }: { type: ResourceType; name: string },
): void {
  if (resource.typeUrl !== type.typeUrl) {
    invalid(
      "@type",
      `must be ${type.typeUrl} as in the address: current value is ${resource.typeUrl}`,
    );
  }
  if (resource.name === name) return;
  const field = type.nameField ?? "name";
  invalid(field, `must be "${name}" as in the address: current value is "${resource.name}"`);
}

function notOurs(state: KeyState, slot: Slot | undefined): HttpError {
  const place = slot?.files?.place;
  const where = place === undefined
    ? "of endpoints that registered themselves: deregister those"
    : `of ${place.file}:${place.line ?? 1}: delete it there`;
  return new HttpError(409, `cannot delete ${describeKey(state)} as it is ${where}`, {
    code: StatusCode.FAILED_PRECONDITION,
  });
}
