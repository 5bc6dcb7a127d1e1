// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of the configuration's HTTP API.
 * @module
 */
import type { AnyRoute } from "@denvoy/runtime";
import type { ApiParts } from "./api_parts.ts";
import { applyRoute } from "./apply_route.ts";
import { endpointRoutes } from "./endpoint_routes.ts";
import { resourceRoutes } from "./resource_routes.ts";
import { revisionRoutes } from "./revision_routes.ts";
import { rolloutRoutes } from "./rollout_routes.ts";
import { watchRoute } from "./watch_route.ts";

/** Returns all routes under `/v1/` that read and write the configuration. */
export function apiRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    ...resourceRoutes(parts),
    applyRoute(parts),
    ...endpointRoutes(parts),
    ...revisionRoutes(parts),
    ...rolloutRoutes(parts),
    watchRoute(parts),
  ];
}
