// SPDX-License-Identifier: Apache-2.0
/**
 * The xDS transport protocol, pure: SotW and Delta, every type, one state machine.
 * @module
 */
export * from "./content_hash.ts";
export { createClient, stepClient } from "./client/client.ts";
export * from "./client/client_events.ts";
export * from "./client/client_options.ts";
export * from "./client/client_report.ts";
export { hasRequests } from "./client/client_requests.ts";
export type * from "./client/client_state.ts";
export type * from "./client/received.ts";
export * from "./discovery_request.ts";
export * from "./drive.ts";
export { type Fingerprint, type ProtocolMode, type Rendering } from "./encoded_resource.ts";
export * from "./fetch.ts";
export * from "./hub.ts";
export type { KnownResources } from "./known_resources.ts";
export { HubStream, type Watch } from "./hub_stream.ts";
export * from "./resource.ts";
export { ResponseBody, ResponseBodyCache, type ResponseBodyCacheOptions } from "./response_body.ts";
export * from "./stream.ts";
export * from "./stream_events.ts";
export * from "./stream_options.ts";
export * from "./stream_snapshot.ts";
export type * from "./stream_state.ts";
export {
  globPrefix,
  type Subscription,
  type SubscriptionChange,
  type SubscriptionUpdate,
  WILDCARD,
} from "./subscription.ts";
export * from "./type_url.ts";
export * from "./verdicts.ts";
export * from "./view.ts";
