// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/nodes`: who reports, how much, and what of it was not kept.
 * @module
 */
import {
  type AnyRoute,
  json,
  notFound,
  pageOf,
  pageQuery,
  pageSchema,
  route,
} from "@denvoy/runtime";
import type { Fleet } from "../domain/fleet.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";

/** What the routes read. */
export interface NodeRoutesParts {
  /** The nodes. */
  readonly fleet: Fleet;
}

/** Returns the routes. */
export function nodeRoutes({ fleet }: NodeRoutesParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/nodes",
      summary: "Envoys that report or are remembered, in order of their ids.",
      tag: "fleet",
      query: {
        ...pageQuery,
        limit: { ...pageQuery.limit, default: 1000 },
      },
      responses: {
        200: {
          doc: "`nodes`, and `next` when there are more.",
          schema: pageSchema("nodes", nodeSchema),
        },
      },
      handle({ query }) {
        const { items, next } = pageOf(fleet.nodes(), { ...query, keyOf: ({ info }) => info.id });
        return json({ nodes: items.map(nodeJson), ...next });
      },
    }),
    route({
      method: "GET",
      path: "/v1/nodes/{id...}",
      summary: "One Envoy.",
      tag: "fleet",
      params: { id: "`node.id`." },
      responses: {
        200: { doc: "The node.", schema: nodeSchema },
        404: { doc: "No such node reports or is remembered." },
      },
      handle({ params }) {
        const node = fleet.node(params.id);
        return json(nodeJson(node ?? notFound(`no node "${params.id}" reports`)));
      },
    }),
  ];
}

function nodeJson(node: NodeMetrics) {
  const { id, cluster, region, zone, subZone, version, metadata } = node.info;
  return {
    ...{ id, cluster, locality: { region, zone, sub_zone: subZone }, version, metadata },
    live: node.live,
    since: timeOf(node.sinceMs),
    seen: timeOf(node.seenMs),
    started: timeOf(node.startMs),
    restarts: node.restarts,
    counters: node.mode,
    fallen_counters: node.fallen,
    series: node.series.size,
    cut_samples: Object.fromEntries(Object.entries(node.cuts).filter(([, count]) => count > 0)),
  };
}

/** Times of an Envoy are what it says: they may be no times at all. */
function timeOf(ms: number | undefined): string | undefined {
  const time = new Date(ms ?? NaN);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

const nodeSchema = {
  type: "object",
  required: ["id", "cluster", "live", "series"],
  properties: {
    id: { type: "string" },
    cluster: { type: "string" },
    locality: { type: "object" },
    version: { type: "string" },
    metadata: { type: "object" },
    live: { type: "boolean", description: "Whether it reports now." },
    since: { type: "string", format: "date-time" },
    seen: { type: "string", format: "date-time" },
    started: { type: "string", format: "date-time", description: "When its process started." },
    restarts: { type: "integer", description: "Restarts that were noticed." },
    counters: { type: "string", enum: ["cumulative", "delta"] },
    fallen_counters: { type: "integer" },
    series: { type: "integer" },
    cut_samples: { type: "object", additionalProperties: { type: "integer" } },
  },
};
