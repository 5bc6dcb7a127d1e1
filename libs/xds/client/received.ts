// SPDX-License-Identifier: Apache-2.0
/**
 * What a server sends, as plain shapes that a decoded protobuf message fits as it is. Nothing in them
 * is trusted: any field may be absent.
 * @module
 */
import type { ErrorDetail } from "../discovery_request.ts";

/** google.protobuf.Any. */
export interface ReceivedAny {
  /** `type_url`. */
  readonly typeUrl?: string | null | undefined;
  /** `value`. */
  readonly value?: Uint8Array | null | undefined;
}

/** envoy.service.discovery.v3.Resource. Its TTL is not looked at: a client that does not announce
 * that it keeps them is not sent any. */
export interface ReceivedResource {
  /** `name`. */
  readonly name?: string | null | undefined;
  /** `version`. */
  readonly version?: string | null | undefined;
  /** `resource`; absent in a heartbeat, and where the name does not exist. */
  readonly resource?: ReceivedAny | null | undefined;
}

/** envoy.service.discovery.v3.ResourceName. */
export interface ReceivedName {
  /** `name`. */
  readonly name?: string | null | undefined;
}

/** envoy.service.discovery.v3.ResourceError. */
export interface ReceivedError {
  /** `resource_name`. */
  readonly resourceName?: ReceivedName | null | undefined;
  /** `error_detail`. */
  readonly errorDetail?: ErrorDetail | null | undefined;
}

interface AnyReceived {
  /** `type_url`; may be empty where the service implies it. */
  readonly typeUrl?: string | null | undefined;
  /** `nonce`. */
  readonly nonce?: string | null | undefined;
  /** `resource_errors`. */
  readonly resourceErrors?: readonly ReceivedError[] | null | undefined;
}

/** envoy.service.discovery.v3.DiscoveryResponse. */
export interface ReceivedSotw extends AnyReceived {
  /** `version_info`. */
  readonly versionInfo?: string | null | undefined;
  /** `resources`. */
  readonly resources?: readonly ReceivedAny[] | null | undefined;
}

/** envoy.service.discovery.v3.DeltaDiscoveryResponse. */
export interface ReceivedDelta extends AnyReceived {
  /** `system_version_info`. */
  readonly systemVersionInfo?: string | null | undefined;
  /** `resources`. */
  readonly resources?: readonly ReceivedResource[] | null | undefined;
  /** `removed_resources`. */
  readonly removedResources?: readonly string[] | null | undefined;
  /** `removed_resource_names`. */
  readonly removedResourceNames?: readonly ReceivedName[] | null | undefined;
}

/** A response of the variant that the stream speaks. */
export type ReceivedResponse = ReceivedSotw | ReceivedDelta;
