// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints that register themselves, renew and leave; and what health checkers say of endpoints.
 * @module
 */
import { isoTime } from "@denvoy/base";
import {
  anyObject,
  type AnyRoute,
  type ApiResponse,
  empty,
  formatDuration,
  json,
  notFound,
  pageOf,
  pageQuery,
  pageSchema,
  type QueryValues,
  route,
} from "@denvoy/runtime";
import type { LiveRegistration, Registration } from "../domain/registration.ts";
import { LOAD_ASSIGNMENT } from "../domain/resource_types.ts";
import { type ApiParts } from "./api_parts.ts";
import { readRegistration, readVerdicts } from "./endpoint_body.ts";
import type { Json } from "./resource_json.ts";

const TAG = "endpoints";
const params = {
  cluster: "`service_name` of an EDS cluster, else its name.",
  id: "Id of the endpoint, unique within the cluster.",
};
const registrationBody = {
  doc: "`address` and `port`; optionally `weight`, `locality` (`region`, `zone`, `sub_zone`), " +
    "`priority`, `health`, `hostname`, `metadata` by filter name, and `ttl` such as `30s`.",
  schema: {
    type: "object",
    properties: {
      address: { type: "string" },
      port: { type: "integer", minimum: 1, maximum: 65535 },
      weight: { type: "integer", minimum: 1 },
      locality: { type: "object" },
      priority: { type: "integer", minimum: 0, maximum: 128 },
      health: { enum: ["unknown", "healthy", "unhealthy", "draining", "timeout", "degraded"] },
      hostname: { type: "string" },
      metadata: { type: "object" },
      ttl: { type: "string" },
    },
  },
};
const registered = { 200: { doc: "The endpoint as it is now.", schema: anyObject } };
const missing = { 404: { doc: "The endpoint is not registered: register it again." } };

/** Returns the routes. */
export function endpointRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    registration(parts),
    amend(parts),
    heartbeat(parts),
    deregister(parts),
    readOne(parts),
    ...lists(parts),
    health(parts),
    healthInstance(parts),
  ];
}

function registration(parts: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/clusters/{cluster}/endpoints/{id}",
    summary: "Registers an endpoint, or replaces what it said",
    description:
      "It lives for its `ttl` from now and is renewed by a heartbeat or by registering " +
      "again. An endpoint of another id with the same address and port makes way.",
    tag: TAG,
    params,
    body: registrationBody,
    responses: registered,
    async handle(request) {
      const { cluster, id } = request.params;
      const defaults = { cluster, id, ttlMs: parts.endpointTtlMs };
      const spec = readRegistration(await request.json(), defaults);
      return await register(parts, () => spec);
    },
  });
}

function amend(parts: ApiParts): AnyRoute {
  return route({
    method: "PATCH",
    path: "/v1/clusters/{cluster}/endpoints/{id}",
    summary: "Changes some of what an endpoint said, e.g. its health or weight",
    tag: TAG,
    params,
    body: registrationBody,
    responses: { ...registered, ...missing },
    async handle(request) {
      const { cluster, id } = request.params;
      const body = await request.json();
      return await register(parts, () => {
        const live = parts.configuration.endpoints.get(cluster, id) ?? unknown(cluster, id);
        const { registeredAtMs: _r, expiresAtMs: _e, verdict: _v, ...before } = live;
        return readRegistration(body, { cluster, id, ttlMs: before.ttlMs, before });
      });
    },
  });
}

function heartbeat(parts: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/clusters/{cluster}/endpoints/{id}/heartbeat",
    summary: "Lets an endpoint live for another TTL",
    tag: TAG,
    params,
    responses: { ...registered, ...missing },
    handle({ params: { cluster, id } }) {
      const live = parts.configuration.endpoints.heartbeat(cluster, id) ?? unknown(cluster, id);
      return json(registrationJson(live));
    },
  });
}

function deregister(parts: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/clusters/{cluster}/endpoints/{id}",
    summary: "Forgets an endpoint",
    tag: TAG,
    params,
    responses: { 204: { doc: "It is forgotten." }, ...missing },
    async handle({ params: { cluster, id } }) {
      const { endpoints, submit } = parts.configuration;
      if (!await submit(() => endpoints.deregister(cluster, id))) unknown(cluster, id);
      return empty();
    },
  });
}

function readOne(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/clusters/{cluster}/endpoints/{id}",
    summary: "One registered endpoint",
    tag: TAG,
    params,
    responses: { ...registered, ...missing },
    handle({ params: { cluster, id } }) {
      const live = parts.configuration.endpoints.get(cluster, id) ?? unknown(cluster, id);
      return json(registrationJson(live));
    },
  });
}

function lists(parts: ApiParts): readonly AnyRoute[] {
  const { endpoints } = parts.configuration;
  const responses = {
    200: {
      doc: "Registered endpoints; `next` is there when there is more: pass it as `after`.",
      schema: pageSchema("endpoints", anyObject),
    },
  };
  return [
    route({
      method: "GET",
      path: "/v1/clusters/{cluster}/endpoints",
      summary: "The registered endpoints of a cluster",
      tag: TAG,
      params: { cluster: params.cluster },
      query: pageQuery,
      responses,
      handle: ({ params: { cluster }, query }) => json(page(endpoints.list(cluster), query)),
    }),
    route({
      method: "GET",
      path: "/v1/endpoints",
      summary: "All registered endpoints",
      tag: TAG,
      query: pageQuery,
      responses,
      handle: ({ query }) => json(page(endpoints.list(), query)),
    }),
  ];
}

function health(parts: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/endpoint-health",
    summary: "Takes verdicts of health checkers on many endpoints",
    description:
      "Also on endpoints that did not register themselves. A verdict takes the place of " +
      "an endpoint's own health, unless that is `draining`; `unknown` takes it back. It counts " +
      "for `ttl` (default `60s`): repeat it before that is over, and when the `instance` that a " +
      "GET answers is another one.",
    tag: TAG,
    body: {
      doc: "`endpoints`: a list of `cluster`, `address`, `port`, `health`; optionally `ttl`.",
      schema: {
        type: "object",
        required: ["endpoints"],
        properties: {
          ttl: { type: "string" },
          endpoints: { type: "array", items: anyObject },
        },
      },
    },
    responses: { 204: { doc: "Taken over." } },
    async handle(request) {
      const verdicts = readVerdicts(await request.json());
      const { endpoints, submit } = parts.configuration;
      await submit(() => endpoints.setHealth(verdicts));
      return empty();
    },
  });
}

/** Verdicts are in memory alone: who gives them asks for this to see that they are forgotten. */
function healthInstance({ sharedId }: ApiParts): AnyRoute {
  const instance = crypto.randomUUID();
  return route({
    method: "GET",
    path: "/v1/endpoint-health",
    summary: "Says whether verdicts may have been forgotten",
    description:
      "`instance` is another one after each start, which forgets all verdicts; replicas " +
      "on one Redis have the same one, and forget nothing.",
    tag: TAG,
    responses: {
      200: {
        doc: "`instance`, to be compared with the one before.",
        schema: {
          type: "object",
          required: ["instance"],
          properties: { instance: { type: "string" } },
        },
      },
    },
    handle: () => json({ instance: sharedId() || instance }),
  });
}

/** Registers what `specOf` returns, and answers how the endpoint is then. */
async function register(parts: ApiParts, specOf: () => Registration): Promise<ApiResponse> {
  const { endpoints, submit } = parts.configuration;
  const { cluster, id } = await submit(() => {
    const spec = specOf();
    endpoints.register(spec);
    return spec;
  });
  return registrationResponse(parts, endpoints.get(cluster, id));
}

function registrationResponse({ configuration }: ApiParts, live: LiveRegistration | undefined) {
  if (live === undefined) return notFound("the endpoint was replaced at once");
  const key = { typeUrl: LOAD_ASSIGNMENT, name: live.cluster };
  const [used] = configuration.catalog.referrers(key);
  const warnings = used === undefined
    ? [{ severity: "warning", message: `no cluster has its endpoints from "${live.cluster}" yet` }]
    : [];
  return json({ ...registrationJson(live), warnings });
}

function registrationJson(live: LiveRegistration): Json {
  const { registeredAtMs, expiresAtMs, ttlMs, locality, verdict, ...rest } = live;
  return {
    ...rest,
    locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone },
    ttl: formatDuration(ttlMs),
    registeredAt: isoTime(registeredAtMs),
    expiresAt: isoTime(expiresAtMs),
    ...(verdict !== undefined && { verdict }),
  };
}

function page(all: Iterable<LiveRegistration>, query: QueryValues<typeof pageQuery>): Json {
  const { items, next } = pageOf(all, {
    ...query,
    keyOf: ({ cluster, id }) => `${cluster}\n${id}`,
  });
  return { endpoints: items.map(registrationJson), ...next };
}

function unknown(cluster: string, id: string): never {
  return notFound(`endpoint "${id}" of cluster "${cluster}" is not registered`);
}
