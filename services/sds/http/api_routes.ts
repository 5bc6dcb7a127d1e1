// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of the HTTP API.
 * @module
 */
import type { AnyRoute } from "@denvoy/runtime";
import type { ApiParts } from "./api_parts.ts";
import { caRoutes } from "./ca_routes.ts";
import { nodeRoutes } from "./node_routes.ts";
import { secretRoutes } from "./secret_routes.ts";
import { tokenRoutes } from "./token_routes.ts";

/** Returns all routes under `/v1/`. */
export function apiRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    ...secretRoutes(parts),
    ...nodeRoutes(parts),
    ...caRoutes(parts),
    ...tokenRoutes(parts),
  ];
}
