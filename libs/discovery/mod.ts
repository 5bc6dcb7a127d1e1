// SPDX-License-Identifier: Apache-2.0
/**
 * What services need to serve xDS over gRPC and REST-JSON.
 * @module
 */
export * from "./discovery_metrics.ts";
export * from "./discovery_methods.ts";
export * from "./discovery_services.ts";
export * from "./discovery_sessions.ts";
export * from "./poll.ts";
export * from "./requesting_node.ts";
export * from "./rest_routes.ts";
