// SPDX-License-Identifier: Apache-2.0
/**
 * What a client sends, as plain shapes that a decoded protobuf message fits as it is. Nothing in
 * them is trusted: any field may be absent.
 * @module
 */

/** The part of envoy.config.core.v3.Node that the protocol itself looks at. */
export interface DiscoveryNode {
  /** `Node.id`. */
  readonly id?: string | null | undefined;
  /** `Node.cluster`. */
  readonly cluster?: string | null | undefined;
  /** `Node.client_features`, e.g. `xds.config.supports-resource-ttl`. */
  readonly clientFeatures?: readonly string[] | null | undefined;
}

/** google.rpc.Status as a client sends it in a NACK. */
export interface ErrorDetail {
  /** A google.rpc.Code. */
  readonly code?: number | null | undefined;
  /** The words of the client. */
  readonly message?: string | null | undefined;
}

/** envoy.service.discovery.v3.ResourceLocator; dynamic parameters select nothing here. */
export interface ResourceLocator {
  /** The name that is asked for. */
  readonly name?: string | null | undefined;
}

/** Fields that both variants of a request have. */
export interface AnyDiscoveryRequest {
  /** `node`; sure to be there only in the first request of a stream. */
  readonly node?: DiscoveryNode | null | undefined;
  /** `type_url`; may be empty where the service implies it. */
  readonly typeUrl?: string | null | undefined;
  /** `response_nonce`. */
  readonly responseNonce?: string | null | undefined;
  /** `error_detail`; its presence makes the request a NACK. */
  readonly errorDetail?: ErrorDetail | null | undefined;
}

/** envoy.service.discovery.v3.DiscoveryRequest. */
export interface DiscoveryRequest extends AnyDiscoveryRequest {
  /** `version_info`: the newest version that the client accepted. */
  readonly versionInfo?: string | null | undefined;
  /** `resource_names`: everything that the client wants. */
  readonly resourceNames?: readonly string[] | null | undefined;
  /** `resource_locators`: more names. */
  readonly resourceLocators?: readonly ResourceLocator[] | null | undefined;
}

/** envoy.service.discovery.v3.DeltaDiscoveryRequest. */
export interface DeltaDiscoveryRequest extends AnyDiscoveryRequest {
  /** `resource_names_subscribe`. */
  readonly resourceNamesSubscribe?: readonly string[] | null | undefined;
  /** `resource_names_unsubscribe`. */
  readonly resourceNamesUnsubscribe?: readonly string[] | null | undefined;
  /** `resource_locators_subscribe`. */
  readonly resourceLocatorsSubscribe?: readonly ResourceLocator[] | null | undefined;
  /** `resource_locators_unsubscribe`. */
  readonly resourceLocatorsUnsubscribe?: readonly ResourceLocator[] | null | undefined;
  /** `initial_resource_versions`: what the client has from an earlier stream. */
  readonly initialResourceVersions?:
    | Readonly<Record<string, string>>
    | ReadonlyMap<string, string>
    | null
    | undefined;
}

/** Returns names and the names of locators as one list. */
export function allNames(
  names: readonly string[] | null | undefined,
  locators: readonly ResourceLocator[] | null | undefined,
): readonly string[] {
  if (!locators || locators.length === 0) return names ?? [];
  return [...names ?? [], ...locators.map((locator) => locator.name ?? "")];
}

/** Returns the entries of a protobuf map, in whichever form the decoder made it. */
export function mapEntries(
  map: DeltaDiscoveryRequest["initialResourceVersions"],
): Iterable<readonly [string, string]> {
  if (!map) return [];
  return map instanceof Map ? map.entries() : Object.entries(map);
}
