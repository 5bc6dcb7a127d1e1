// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/nodes`: who reports, how much, and what of it was not kept.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type AnyRoute, json, route } from "@denvoy/runtime";
import type { Fleet } from "../domain/fleet.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";

/** What the routes read. */
export interface NodeRoutesParts {
  /** The nodes. */
  readonly fleet: Fleet;
}

const DEFAULT_LIMIT = 1_000;

/** Returns the routes. */
export function nodeRoutes({ fleet }: NodeRoutesParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/nodes",
      summary: "Envoys that report or are remembered, in order of their ids.",
      tag: "fleet",
      query: {
        limit: { type: "integer", doc: "Nodes at most. @default 1000" },
        after: { type: "string", doc: "Only nodes with ids after this one: the next page." },
      },
      responses: { 200: { doc: "`nodes`, and `next` when there are more.", schema: pageSchema } },
      handle({ query }) {
        const limit = Math.max(1, query.limit ?? DEFAULT_LIMIT);
        const nodes = [...fleet.nodes()].filter(({ info }) => info.id > (query.after ?? ""))
          .sort((a, b) => a.info.id < b.info.id ? -1 : 1);
        const page = nodes.slice(0, limit).map(nodeJson);
        const next = nodes.length > limit ? page.at(-1)?.id : undefined;
        return json({ nodes: page, next });
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
        if (node !== undefined) return json(nodeJson(node));
        throw new StatusError(StatusCode.NOT_FOUND, `no node "${params.id}" reports`);
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

const pageSchema = {
  type: "object",
  required: ["nodes"],
  properties: { nodes: { type: "array", items: nodeSchema }, next: { type: "string" } },
};
