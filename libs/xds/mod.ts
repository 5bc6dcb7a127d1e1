// SPDX-License-Identifier: Apache-2.0
/**
 * The xDS transport protocol, pure: SotW and Delta, every type, one state machine.
 * @module
 */
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
