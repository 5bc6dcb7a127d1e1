// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints and their verdicts: reading them, their history, and the orders of people.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  type ApiRequest,
  invalid,
  json,
  listSchema,
  notFound,
  pageOf,
  pageQuery,
  pageSchema,
  route,
  whoOf,
} from "@denvoy/runtime";
import { type AdminOrder, adminStates, type EndpointRecord } from "../domain/endpoint_record.ts";
import { healths } from "../domain/health.ts";
import { type ApiParts } from "./api_parts.ts";
import { changeJson, endpointJson, type Json } from "./health_json.ts";

const TAG = "health";
const params = {
  cluster: "Name of the cluster.",
  address: "`ip:port` of the endpoint, `[ip6]:port`, or `name:port` where its cluster has a name.",
};
const HISTORY = 50;

/** Returns the routes. */
export function healthRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [listHealth(parts), readHealth(parts), listChanges(parts), give(parts), takeBack(parts)];
}

function listHealth({ control }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/health",
    summary: "All endpoints that are checked, with their verdicts",
    description: "`health` is the verdict, in the words of Envoy's HealthStatus; `found` is what " +
      "probers found; `reason` says why they differ where they do. `address` is as the cluster has " +
      "it; where that is a name, `resolved` is the `ip:port` that is probed.",
    tag: TAG,
    query: {
      cluster: { type: "string", doc: "Only of this cluster." },
      health: { type: "strings", doc: "Only of this health.", words: healths },
      ...pageQuery,
    },
    responses: {
      200: {
        doc: "Endpoints by cluster and address; `next` is there when there is more.",
        schema: pageSchema("endpoints", anyObject),
      },
    },
    handle({ query: { cluster, health, limit, after } }) {
      const found = [...control.table.endpoints(cluster)]
        .filter((record) => health.length === 0 || health.includes(record.health));
      const { items, next } = pageOf(found, { limit, after, keyOf: ({ key }) => key });
      return json({ endpoints: items.map((record) => endpointJson(record, control)), ...next });
    },
  });
}

function readHealth(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/health/{cluster}/{address}",
    summary: "One endpoint with its verdict and its latest changes",
    tag: TAG,
    params,
    responses: {
      200: { doc: "The endpoint; `history` has its changes, newest first.", schema: anyObject },
      404: { doc: "It is not checked." },
    },
    handle: ({ params }) => json(withHistory(recordOf(parts, params), parts)),
  });
}

function listChanges({ control }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/changes",
    summary: "Changes of verdicts, newest first",
    tag: TAG,
    query: {
      cluster: { type: "string", doc: "Only of this cluster." },
      address: { type: "string", doc: "Only of this endpoint." },
      limit: { ...pageQuery.limit, default: 100 },
    },
    responses: {
      200: {
        doc: "`changes`: `at`, `cluster`, `address`, `before`, `after`, `reason`, `by`.",
        schema: listSchema("changes", anyObject),
      },
    },
    handle({ query: { cluster, address, limit } }) {
      const changes = control.store.changes({ cluster, address, limit });
      return json({ changes: changes.map(changeJson) });
    },
  });
}

function give(parts: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/health/{cluster}/{address}/order",
    summary: "Takes an endpoint out, drains it, or keeps it in, whatever is found",
    description: "It holds until it is taken back, also over restarts.",
    tag: TAG,
    params,
    body: {
      doc: "`state`: `down`, `draining` or `up`; optionally `reason`, for people.",
      schema: {
        type: "object",
        required: ["state"],
        properties: { state: { enum: adminStates }, reason: { type: "string" } },
      },
    },
    responses: {
      200: { doc: "The endpoint as it is now.", schema: anyObject },
      404: { doc: "It is not checked." },
      503: { doc: "It cannot be kept, as Redis is away." },
    },
    async handle(request) {
      const order = await readOrder(request, parts);
      const record = parts.control.setOrder(recordOf(parts, request.params), order);
      await parts.control.store.kept();
      return json(withHistory(record, parts));
    },
  });
}

function takeBack(parts: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/health/{cluster}/{address}/order",
    summary: "Lets probers decide again",
    tag: TAG,
    params,
    responses: {
      200: { doc: "The endpoint as it is now.", schema: anyObject },
      404: { doc: "It is not checked." },
      503: { doc: "It cannot be kept, as Redis is away." },
    },
    async handle({ params }) {
      const record = parts.control.setOrder(recordOf(parts, params), undefined);
      await parts.control.store.kept();
      return json(withHistory(record, parts));
    },
  });
}

const MAX_REASON = 1000;

async function readOrder(
  request: Pick<ApiRequest, "json" | "principal">,
  { control }: ApiParts,
): Promise<AdminOrder> {
  const body = await request.json();
  const fields: Json = typeof body === "object" && body !== null ? { ...body } : {};
  const { state: word, reason = "", ...rest } = fields;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) invalid(unknown, "unknown field, expected one of state, reason");
  const state = adminStates.find((one) => one === word);
  if (state === undefined) {
    const rule = `must be one of ${adminStates.join(", ")}`;
    return invalid("state", `${rule}: current value is ${JSON.stringify(word)}`);
  }
  if (typeof reason !== "string" || reason.length > MAX_REASON) {
    return invalid("reason", `must be a string of at most ${MAX_REASON} characters`);
  }
  return { state, reason, who: whoOf(request), atMs: control.nowMs() };
}

function recordOf(
  { control }: ApiParts,
  { cluster, address }: { readonly cluster: string; readonly address: string },
): EndpointRecord {
  return control.table.get(cluster, address) ??
    notFound(`endpoint "${address}" of cluster "${cluster}" is not checked`);
}

function withHistory(record: EndpointRecord, { control }: ApiParts): Json {
  const { cluster, address } = record;
  const history = control.store.changes({ cluster, address, limit: HISTORY });
  return { ...endpointJson(record, control), history: history.map(changeJson) };
}
