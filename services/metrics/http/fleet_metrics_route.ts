// SPDX-License-Identifier: Apache-2.0
/**
 * `/fleet/metrics`: what all Envoys report, for Prometheus.
 * @module
 */
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { TextPattern } from "@denvoy/base";
import { type AnyRoute, route, stream } from "@denvoy/runtime";
import { exposition, type ExpositionFormat } from "../domain/exposition.ts";
import type { Fleet } from "../domain/fleet.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";
import { clusterLabels, type NodeLabels } from "../domain/node_labels.ts";
import type { FamilySamples } from "../domain/sample.ts";
import { type FamilyFilter, samplesOfGroups, samplesOfNodes } from "../domain/samples.ts";

/** What the route reads. */
export interface FleetMetricsParts {
  /** The nodes. */
  readonly fleet: Fleet;
  /** Labels that tell nodes apart. */
  readonly nodeLabels: NodeLabels;
  /** Whether `/fleet/metrics` needs no token or client certificate. */
  readonly open: boolean;
  /** Is told of a scrape at its end: its bytes, before they are compressed. */
  readonly onScrape: (scrape: { readonly rollUp: RollUp; readonly bytes: number }) => void;
}

/** Over what values are summed. */
export type RollUp = (typeof rollUps)[number];

const rollUps = ["node", "cluster", "fleet"] as const;
const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/** Parts that are made before others have their turn. */
const PARTS_AT_ONCE = 4;

/** Returns the route. */
export function fleetMetricsRoute(parts: FleetMetricsParts): AnyRoute {
  return route({
    method: "GET",
    path: "/fleet/metrics",
    summary: "Metrics of all Envoys, in the Prometheus text format or OpenMetrics.",
    description: "Names, labels and types are those of Envoy's own `/stats/prometheus`, with " +
      "`envoy_node_id` and `envoy_node_cluster` beside. The format follows `Accept`; where `Accept-Encoding` allows gzip, it is used.",
    tag: "fleet",
    access: parts.open ? "open" : "authenticated",
    query: {
      by: {
        type: "string",
        words: rollUps,
        doc: "`node` (default) shows each Envoy, `cluster` sums over the nodes of each " +
          "`node.cluster`, `fleet` over all. Sums do not fall when an Envoy starts anew or goes.",
      },
      cluster: { type: "string", doc: "Only nodes whose `node.cluster` is like this; `*` is any." },
      node: { type: "string", doc: "Only nodes whose id is like this." },
      name: { type: "strings", doc: "Only metrics whose name in Prometheus is like one of these." },
    },
    responses: {
      200: {
        doc: "The metrics.",
        schema: { type: "string" },
        types: ["text/plain", "application/openmetrics-text"],
      },
    },
    handle({ query, headers }) {
      const format = formatOf(headers.get("accept"));
      const rollUp = query.by ?? "node";
      const chosen = [...parts.fleet.nodes(), ...forgotten(parts.fleet, rollUp)]
        .filter(nodeFilter(query));
      const wants = familyFilter(query.name);
      const { families, groupLabels } = read(chosen, { parts, rollUp, wants });
      const kinds = new Map(
        [...parts.fleet.index.families()].map(({ name, kind }) => [name, kind]),
      );
      const text = exposition(families, { format, groupLabels, kinds });
      const onEnd = (bytes: number) => parts.onScrape({ rollUp, bytes });
      const type = format === "openmetrics" ? OPEN_METRICS : PROMETHEUS;
      const chunks = encodeParts(text, onEnd);
      const vary = "accept, accept-encoding";
      return allowsGzip(headers.get("accept-encoding"))
        ? stream(gzipped(chunks), { type, headers: { vary, "content-encoding": "gzip" } })
        : stream(chunks, { type, headers: { vary } });
    },
  });
}

/** Returns OpenMetrics where the client prefers it, as Prometheus does by its order and weights. */
export function formatOf(accept: string | undefined): ExpositionFormat {
  const weights = weightsOf(accept);
  const openMetrics = weights.get("application/openmetrics-text") ?? 0;
  return openMetrics > 0 && openMetrics >= (weights.get("text/plain") ?? 0)
    ? "openmetrics"
    : "prometheus";
}

/** Whether gzip is named and not refused: `*` alone is what clients send that cannot read it. */
export function allowsGzip(acceptEncoding: string | undefined): boolean {
  return (weightsOf(acceptEncoding).get("gzip") ?? 0) > 0;
}

/** Returns what a header with weights (RFC 9110, 12.4.2) names. */
function weightsOf(header = ""): ReadonlyMap<string, number> {
  return new Map(
    header.split(",").map((range) => {
      const [name = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [name, weight === undefined ? 1 : Number(weight)] as const;
    }),
  );
}

interface ReadOptions {
  readonly parts: FleetMetricsParts;
  readonly rollUp: RollUp;
  readonly wants: FamilyFilter;
}

function read(
  nodes: readonly NodeMetrics[],
  { parts, rollUp, wants }: ReadOptions,
): { readonly families: Iterable<FamilySamples>; readonly groupLabels: readonly string[] } {
  if (rollUp === "node") {
    const groupLabels = nodes.map(({ info }) => parts.nodeLabels.textOf(info));
    return { families: samplesOfNodes(nodes, wants), groupLabels };
  }
  const groups = rollUp === "fleet"
    ? new Map([["", nodes]])
    : Map.groupBy(nodes, ({ info }) => info.cluster);
  return {
    families: samplesOfGroups([...groups.values()].map((of) => ({ nodes: of })), wants),
    groupLabels: [...groups.keys()].map((cluster) =>
      rollUp === "fleet" ? "" : clusterLabels(cluster)
    ),
  };
}

function forgotten(fleet: Fleet, rollUp: RollUp): Iterable<NodeMetrics> {
  return rollUp === "node" ? [] : fleet.forgotten();
}

function nodeFilter({ cluster, node }: {
  readonly cluster: string | undefined;
  readonly node: string | undefined;
}): (node: NodeMetrics) => boolean {
  const clusters = new TextPattern(cluster ?? "*");
  const ids = new TextPattern(node ?? "*");
  return ({ info }) => clusters.matches(info.cluster) && ids.matches(info.id);
}

function familyFilter(names: readonly string[]): FamilyFilter {
  const patterns = names.map((name) => new TextPattern(name));
  return ({ name }) => patterns.length === 0 || patterns.some((pattern) => pattern.matches(name));
}

/** A fifth of the default level's time for twice its bytes, which are a tenth of the text still. */
const GZIP_LEVEL = 2;

/** Begins when it is read, which it is not for HEAD. */
async function* gzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level: GZIP_LEVEL });
  // A reader that goes destroys it, which ends the text, too.
  const feed = pipeline(chunks, gzip).catch(() => {});
  for await (const part of gzip) yield part;
  await feed;
}

const encoder = new TextEncoder();

/** Others have their turn between parts: a scrape of a large fleet takes a while. */
async function* encodeParts(
  parts: Iterable<string>,
  onEnd: (bytes: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let count = 0;
  let bytes = 0;
  for (const part of parts) {
    const encoded = encoder.encode(part);
    bytes += encoded.length;
    if (encoded.length > 0) yield encoded;
    if (++count % PARTS_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  onEnd(bytes);
}
