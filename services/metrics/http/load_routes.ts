// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/load`: the load of clusters, localities and endpoints as all Envoys together see it.
 * @module
 */
import { TextPattern } from "@denvoy/base";
import { type AnyRoute, json, route } from "@denvoy/runtime";
import type { ClusterView, EndpointView, LoadRates, LocalityView } from "../domain/load_table.ts";
import { type EndpointWeight, weightsOf } from "../domain/load_weights.ts";

/** Returns the route; `clusters` returns what is known now. */
export function loadRoutes(clusters: () => readonly ClusterView[]): readonly AnyRoute[] {
  return [route({
    method: "GET",
    path: "/v1/load",
    summary: "Load of clusters, localities and endpoints, as rates over the last reports",
    tag: "load",
    query: { cluster: { type: "string", doc: "Only clusters with such a name; `*` is any text." } },
    responses: {
      200: {
        doc:
          "`clusters` by their name in EDS. `weight` is what an endpoint's capacity would give " +
          "it, where backends say how busy they are (ORCA).",
        schema: { type: "object", properties: { clusters: { type: "array" } } },
      },
    },
    handle({ query }) {
      const wanted = new TextPattern(query.cluster ?? "*");
      const found = clusters().filter(({ service }) => wanted.matches(service));
      return json({ clusters: found.map(clusterJson) });
    },
  })];
}

function clusterJson(view: ClusterView) {
  const { service, clusters, nodes, droppedPerSecond, localities } = view;
  const weights = new Map(weightsOf(view).map((one) => [one.address, one]));
  return {
    ...{ service, clusters, nodes },
    ...ratesJson(view),
    dropped_per_second: droppedPerSecond,
    localities: localities.map((locality) => localityJson(locality, weights)),
  };
}

function localityJson(view: LocalityView, weights: ReadonlyMap<string, EndpointWeight>) {
  const { locality, priority, endpoints } = view;
  return {
    ...{ locality, priority },
    ...ratesJson(view),
    endpoints: endpoints.map((endpoint) => endpointJson(endpoint, weights)),
  };
}

function endpointJson(view: EndpointView, weights: ReadonlyMap<string, EndpointWeight>) {
  return {
    address: view.address,
    weight: weights.get(view.address)?.weight,
    ...ratesJson(view),
  };
}

function ratesJson(rates: LoadRates) {
  return {
    issued_per_second: rates.issuedPerSecond,
    succeeded_per_second: rates.succeededPerSecond,
    failed_per_second: rates.failedPerSecond,
    in_progress: rates.inProgress,
    metrics: rates.metrics,
  };
}
