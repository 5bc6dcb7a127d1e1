// SPDX-License-Identifier: Apache-2.0
/**
 * What is checked: reading it, and giving clusters over the API.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  empty,
  formatDuration,
  json,
  listSchema,
  notFound,
  route,
} from "@denvoy/runtime";
import type { CheckedCluster } from "../domain/checked_cluster.ts";
import { millis } from "../domain/health_check.ts";
import { canCheck } from "../domain/prober.ts";
import { type ApiParts } from "./api_parts.ts";
import type { Json } from "./health_json.ts";

const TAG = "clusters";
const params = { cluster: "Name of the cluster." };

/** Returns the routes. */
export function clusterRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [listClusters(parts), putCluster(parts), removeCluster(parts)];
}

function listClusters(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/clusters",
    summary: "The clusters that are checked, from all sources",
    tag: TAG,
    responses: {
      200: {
        doc: "`clusters` by name; `problems` say what keeps Envoys from checking one.",
        schema: listSchema("clusters", anyObject),
      },
    },
    handle() {
      const clusters = [...parts.control.pool.clusters.values()]
        .sort((a, b) => a.name < b.name ? -1 : 1);
      return json({ clusters: clusters.map((cluster) => clusterJson(cluster, parts)) });
    },
  });
}

function putCluster({ apiClusters, control }: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/clusters/{cluster}",
    summary: "Has the endpoints of a cluster checked",
    description: "It takes the place of a cluster of the same name from files or ads, and stays " +
      "until it is removed.",
    tag: TAG,
    params,
    body: {
      doc: "A Cluster with `load_assignment` and `health_checks`, as JSON or YAML.",
      schema: anyObject,
      types: ["application/json", "application/yaml", "application/x-yaml", "text/yaml"],
    },
    responses: { 200: { doc: "Taken over; `warnings` say what is left out.", schema: anyObject } },
    async handle(request) {
      const warnings = apiClusters.put(request.params.cluster, await request.text());
      await control.store.kept();
      return json({ warnings });
    },
  });
}

function removeCluster({ apiClusters, control }: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/clusters/{cluster}",
    summary: "Takes a cluster back that the API was given",
    tag: TAG,
    params,
    responses: { 204: { doc: "Taken back." }, 404: { doc: "The API was given no such cluster." } },
    async handle({ params: { cluster } }) {
      if (!apiClusters.remove(cluster)) notFound(`the API was not given cluster "${cluster}"`);
      await control.store.kept();
      return empty();
    },
  });
}

function clusterJson(cluster: CheckedCluster, { control }: ApiParts): Json {
  const { name, service, source, checks, needs, endpoints } = cluster;
  return {
    name,
    service,
    source,
    endpoints: endpoints.length,
    needs: [...needs],
    checks: checks.map((check) => ({
      kind: checkKind(check),
      interval: formatDuration(millis(check.interval)),
      timeout: formatDuration(millis(check.timeout)),
    })),
    problems: problemsOf(cluster, control),
  };
}

function checkKind(check: CheckedCluster["checks"][number]): string {
  if (check.httpHealthCheck) return "http";
  if (check.grpcHealthCheck) return "grpc";
  return check.tcpHealthCheck ? "tcp" : check.customHealthCheck?.name ?? "custom";
}

function problemsOf(cluster: CheckedCluster, control: ApiParts["control"]): readonly string[] {
  const unresolved = cluster.endpoints.filter(({ ip }) => ip === undefined)
    .map(({ host }) => `host name "${host}" cannot be resolved`);
  const probers = [...control.fleet.probers()];
  const nobody = probers.length > 0 && probers.every(({ prober }) => !canCheck(prober, cluster))
    ? [`no Envoy can check it: it needs ${[...cluster.needs].join(", ")}`]
    : [];
  return [...new Set(unresolved), ...nobody];
}
