// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of the HTTP API.
 * @module
 */
import type { AnyRoute } from "@denvoy/runtime";
import type { X509Reader } from "../domain/x509_reader.ts";
import type { ApiParts } from "./api_parts.ts";
import { caRoutes } from "./ca_routes.ts";
import { nodeRoutes } from "./node_routes.ts";
import { secretRoutes } from "./secret_routes.ts";
import { tokenRoutes } from "./token_routes.ts";

/** Returns all routes under `/v1/`. */
export function apiRoutes(parts: ApiParts, x509: X509Reader): readonly AnyRoute[] {
  return [
    ...secretRoutes(parts, x509),
    ...nodeRoutes(parts),
    ...caRoutes(parts, x509),
    ...tokenRoutes(parts),
  ];
}
