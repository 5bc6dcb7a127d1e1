// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of hds' own API, under `/v1/`.
 * @module
 */
import type { AnyRoute } from "@denvoy/runtime";
import type { ApiParts } from "./api_parts.ts";
import { clusterRoutes } from "./cluster_routes.ts";
import { healthRoutes } from "./health_routes.ts";
import { proberRoutes } from "./prober_routes.ts";
import { watchRoute } from "./watch_route.ts";

/** Returns all of them. */
export function apiRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    ...healthRoutes(parts),
    watchRoute(parts),
    ...proberRoutes(parts),
    ...clusterRoutes(parts),
  ];
}
