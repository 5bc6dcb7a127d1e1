// SPDX-License-Identifier: Apache-2.0
/**
 * What services need to serve xDS over gRPC and REST-JSON.
 * @module
 */
export { type ClientNode, nodeMessage, structOf } from "./client/client_node.ts";
export * from "./client/client_tls_files.ts";
export * from "./client/on_behalf_of.ts";
export * from "./client/server_connections.ts";
export * from "./client/xds_client.ts";
export * from "./client/xds_client_metrics.ts";
export * from "./client/xds_client_options.ts";
export * from "./discovery_metrics.ts";
export * from "./discovery_methods.ts";
export * from "./discovery_services.ts";
export * from "./discovery_sessions.ts";
export * from "./poll.ts";
export * from "./requesting_node.ts";
export * from "./rest_routes.ts";
